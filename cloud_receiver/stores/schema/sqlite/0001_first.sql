-- Times are Unix seconds in UTC, days are Unix days; `epoch` is the row of one gateway's ring.

CREATE TABLE gateways (
  id INTEGER PRIMARY KEY,
  gateway TEXT NOT NULL UNIQUE,
  public_key BLOB NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  enrolled INTEGER NOT NULL,
  last_contact INTEGER,
  firmware TEXT,
  boot INTEGER,
  clock INTEGER,
  status TEXT,
  status_at INTEGER
) STRICT;

CREATE TABLE epochs (
  id INTEGER PRIMARY KEY,
  gateway INTEGER NOT NULL REFERENCES gateways (id),
  epoch BLOB NOT NULL,
  through INTEGER NOT NULL,
  first_contact INTEGER NOT NULL,
  last_contact INTEGER NOT NULL,
  UNIQUE (gateway, epoch)
) STRICT;

-- What was taken, so that the same range with other content is noticed.
CREATE TABLE batches (
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  digest BLOB NOT NULL,
  received INTEGER NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (epoch, first, last)
) STRICT, WITHOUT ROWID;

-- Ranges below the mark that never came; one that comes after all is taken and closes its gap.
CREATE TABLE gaps (
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (epoch, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE lost (
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  seq INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  received INTEGER NOT NULL,
  PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE equivocations (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  stored BLOB NOT NULL,
  received BLOB NOT NULL,
  time INTEGER NOT NULL
) STRICT;

-- `start` is the Unix time of a boot; until it is known, records after it have none.
CREATE TABLE boots (
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  seq INTEGER NOT NULL,
  count INTEGER,
  start INTEGER,
  quality INTEGER NOT NULL,
  PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE meters (
  id INTEGER PRIMARY KEY,
  meter TEXT NOT NULL UNIQUE,
  media INTEGER NOT NULL,
  first_heard INTEGER NOT NULL,
  last_heard INTEGER NOT NULL,
  encrypted INTEGER NOT NULL,
  state INTEGER NOT NULL,
  note TEXT,
  status INTEGER,
  total_ml INTEGER,
  read_at INTEGER,
  latest TEXT
) STRICT;

-- Append-only by rowid. `digest` is the first 8 bytes of the content's SHA-256; `day` keeps its index local.
CREATE TABLE telegrams (
  id INTEGER PRIMARY KEY,
  meter INTEGER NOT NULL REFERENCES meters (id),
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  seq INTEGER NOT NULL,
  received INTEGER NOT NULL,
  raw_time INTEGER NOT NULL,
  time INTEGER,
  day INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  state INTEGER NOT NULL,
  note TEXT,
  data BLOB NOT NULL
) STRICT;
CREATE INDEX telegrams_content ON telegrams (day, digest);
CREATE INDEX telegrams_pending ON telegrams (id) WHERE state = 0 AND time IS NOT NULL;
CREATE INDEX telegrams_closed ON telegrams (meter) WHERE state > 1;
-- Those whose time hangs on the start of their boot (raw_time below 2^30).
CREATE INDEX telegrams_relative ON telegrams (epoch, seq) WHERE raw_time < 1073741824;

CREATE TABLE coverage (
  day INTEGER NOT NULL,
  meter INTEGER NOT NULL REFERENCES meters (id),
  gateway INTEGER NOT NULL REFERENCES gateways (id),
  telegrams INTEGER NOT NULL,
  heard INTEGER NOT NULL,
  best INTEGER,
  median INTEGER,
  rssi BLOB NOT NULL,
  PRIMARY KEY (day, meter, gateway)
) STRICT, WITHOUT ROWID;

CREATE TABLE readings (
  day INTEGER NOT NULL,
  meter INTEGER NOT NULL REFERENCES meters (id),
  hours BLOB NOT NULL,
  PRIMARY KEY (day, meter)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarms (
  meter INTEGER NOT NULL REFERENCES meters (id),
  alarm TEXT NOT NULL,
  since INTEGER NOT NULL,
  last INTEGER NOT NULL,
  ended INTEGER,
  PRIMARY KEY (meter, alarm, since)
) STRICT, WITHOUT ROWID;

-- A home's electricity, sent with its owner's consent: the homeowner's alone, never shown to the works.
CREATE TABLE home_hours (
  gateway INTEGER NOT NULL REFERENCES gateways (id),
  hour INTEGER NOT NULL,
  import_wh INTEGER NOT NULL,
  export_wh INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  PRIMARY KEY (gateway, hour)
) STRICT, WITHOUT ROWID;

-- Everything else a gateway sent; kind 0 is what this receiver could not read.
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  received INTEGER NOT NULL,
  raw_time INTEGER,
  time INTEGER,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX records_epoch ON records (epoch, kind, id);
