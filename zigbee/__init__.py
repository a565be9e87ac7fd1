"""ZCL and BTHome codecs and device tables. Nothing here yet.

Law: codecs do no I/O; the coordinator, once it is here, is the one module that does.
"""
