-- A gateway's meters were met together, so their rows lie together: what a batch adds to the index lies on few pages.
-- By content alone each telegram would touch a page of its own.
DROP INDEX telegrams_content;
CREATE INDEX telegrams_content ON telegrams (day, meter, digest);
