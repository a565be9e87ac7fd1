"""Pages and API around every feature: gate, frame, words, exports.

Law: imports edge and below; nothing of operations or of a feature.
"""
