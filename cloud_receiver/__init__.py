"""The receiver: takes signed batches from gateways, stores them before it answers, decodes them, shows them.

Law: a room imports from floors below its own, top first: wiring (app, processes) > features > operations, web >
edge > decoding > stores > office > data. Of the gateway's code only `firmware.wire` is imported.
"""
