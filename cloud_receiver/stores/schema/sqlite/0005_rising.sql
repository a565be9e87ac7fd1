-- What must rise of a meter, as of its latest reading: a counter of the kind its telegrams carry ('' for none), its
-- total; beside them its own date and time, since when it is judged by what came (a person's word), its own
-- Q4, its last access numbers (plausible.remember).
CREATE TABLE rising (
  meter INTEGER PRIMARY KEY REFERENCES meters (id),
  kind TEXT NOT NULL DEFAULT '',
  counter INTEGER,
  counted_at INTEGER,
  total_ml INTEGER,
  read_at INTEGER,
  date INTEGER,
  date_at INTEGER,
  since INTEGER NOT NULL DEFAULT 0,
  q4_l_h INTEGER,
  access INTEGER
) STRICT;
INSERT INTO rising (meter, total_ml, read_at) SELECT id, total_ml, read_at FROM meters
  WHERE read_at IS NOT NULL AND total_ml IS NOT NULL;

-- The counters of a day row's readings, so that one that comes late has neighbours; NULL where none has one.
ALTER TABLE readings ADD COLUMN counters BLOB;

-- Readings held back: for a person to accept or refuse.
CREATE TABLE held (
  telegram INTEGER PRIMARY KEY,
  meter INTEGER NOT NULL REFERENCES meters (id),
  time INTEGER NOT NULL,
  reason TEXT NOT NULL,
  total_ml INTEGER,
  kind TEXT NOT NULL,
  counter INTEGER,
  reading TEXT NOT NULL
) STRICT;
CREATE INDEX held_meter ON held (meter, telegram);
