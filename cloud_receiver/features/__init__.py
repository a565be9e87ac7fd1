"""What the works and the homeowner see, a folder each, found by its name.

Law: a feature imports web and below, never another feature; deleting its folder deletes it.
"""
