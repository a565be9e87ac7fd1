-- What a gateway has had stored on a Unix day, against its bounds; `over`: a bit for each bound that was reached, `since`
-- when the first was; left_out: telegrams of meters beyond the bound, which were not stored.
CREATE TABLE bounds (
  gateway BIGINT NOT NULL REFERENCES gateways (id),
  day BIGINT NOT NULL,
  records BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  other BIGINT NOT NULL DEFAULT 0,
  meters BIGINT NOT NULL DEFAULT 0,
  epochs BIGINT NOT NULL DEFAULT 0,
  gaps BIGINT NOT NULL DEFAULT 0,
  lost BIGINT NOT NULL DEFAULT 0,
  equivocations BIGINT NOT NULL DEFAULT 0,
  boots BIGINT NOT NULL DEFAULT 0,
  left_out BIGINT NOT NULL DEFAULT 0,
  over BIGINT NOT NULL DEFAULT 0,
  since BIGINT,
  PRIMARY KEY (gateway, day)
);
CREATE INDEX bounds_over ON bounds (gateway, day) WHERE over > 0;
CREATE INDEX bounds_day ON bounds (day);

-- So that what waits for its time is found without reading what does not.
CREATE INDEX boots_untimed ON boots (epoch, start, seq) WHERE start IS NULL;
CREATE INDEX records_relative ON records (epoch, seq) WHERE raw_time < 1073741824;
CREATE INDEX equivocations_epoch ON equivocations (epoch);

-- From which seq on, up to the next boot, the records of a ring are still to be timed by their boot's start.
CREATE TABLE retimings (
  epoch BIGINT NOT NULL REFERENCES epochs (id),
  first BIGINT NOT NULL,
  PRIMARY KEY (epoch, first)
);
