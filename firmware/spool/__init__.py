"""The spool: rings of records that survive a cut, in files (`files`) or on bare flash (`blocks` on `nor`).

Law: imports the wire contract; of the rest of the gateway only its errors. `files` alone may know the runtime's files.
"""
