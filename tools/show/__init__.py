"""Readings and explanations as lines for people; imports the captures' types and nothing that decodes."""
