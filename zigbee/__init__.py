"""ZCL and BTHome codecs and device tables. Nothing here yet: the place is kept so that the arrows are drawn once."""
