-- So that what is rare is found, and counted, without reading what is not.
CREATE INDEX telegrams_untimed ON telegrams (id) WHERE time IS NULL;
CREATE INDEX records_opaque ON records (id) WHERE kind = 0;
CREATE INDEX alarms_standing ON alarms (meter) WHERE ended IS NULL;
