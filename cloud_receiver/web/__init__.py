"""Pages and API around every feature: gate, frame, words, exports. May import edge and below; features build on it."""
