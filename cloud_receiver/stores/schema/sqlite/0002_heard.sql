-- Who heard a telegram, so that each gateway's reception counts once in the coverage: per gateway its row (4 bytes), the
-- RSSI in dBm (1, signed), whether it is counted (1). NULL: the gateway that sent it, counted.
ALTER TABLE telegrams ADD COLUMN heard BLOB;

-- The median of relayed receptions is made from `rssi` when it is asked for; the column is the gateway's own.
UPDATE coverage SET median = NULL WHERE heard = 0;
CREATE INDEX coverage_meter ON coverage (meter, day);

-- How far a piecewise work has come: `aged`, the Unix day before which day rows hold daily values.
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
