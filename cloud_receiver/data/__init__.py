"""What the receiver counts in and reasons with: records, hours, clocks, alarms. Pure: no I/O, imports no other room."""
