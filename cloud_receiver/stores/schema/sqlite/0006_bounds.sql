-- What a gateway has had stored on a Unix day, against its bounds; `over`: a bit for each bound that was reached, `since`
-- when the first was; left_out: telegrams of meters beyond the bound, which were not stored.
CREATE TABLE bounds (
  gateway INTEGER NOT NULL REFERENCES gateways (id),
  day INTEGER NOT NULL,
  records INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  other INTEGER NOT NULL DEFAULT 0,
  meters INTEGER NOT NULL DEFAULT 0,
  epochs INTEGER NOT NULL DEFAULT 0,
  gaps INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  equivocations INTEGER NOT NULL DEFAULT 0,
  boots INTEGER NOT NULL DEFAULT 0,
  left_out INTEGER NOT NULL DEFAULT 0,
  over INTEGER NOT NULL DEFAULT 0,
  since INTEGER,
  PRIMARY KEY (gateway, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX bounds_over ON bounds (gateway, day) WHERE over > 0;
CREATE INDEX bounds_day ON bounds (day);

-- So that what waits for its time is found without reading what does not.
CREATE INDEX boots_untimed ON boots (epoch, start, seq) WHERE start IS NULL;
CREATE INDEX records_relative ON records (epoch, seq) WHERE raw_time < 1073741824;
CREATE INDEX equivocations_epoch ON equivocations (epoch);

-- From which seq on, up to the next boot, the records of a ring are still to be timed by their boot's start.
CREATE TABLE retimings (
  epoch INTEGER NOT NULL REFERENCES epochs (id),
  first INTEGER NOT NULL,
  PRIMARY KEY (epoch, first)
) STRICT, WITHOUT ROWID;
