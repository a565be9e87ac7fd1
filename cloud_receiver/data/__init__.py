"""What the receiver counts in and reasons with: records, hours, clocks, alarms.

Law: pure; imports no other room and does no I/O.
"""
