"""Readings and explanations as lines for people.

Law: imports the captures' types and nothing that decodes.
"""
