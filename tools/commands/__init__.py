"""One module per subcommand, named after it: `netti decode` is `commands/decode.py`.

Law: no command imports another; what several need stands beside this folder.
"""
