-- PostgreSQL's statistics keep samples of what lies in a column, which an erasure of the rows does not reach: none of
-- the columns that tell of people, and that no query chooses rows by.
ALTER TABLE telegrams ALTER COLUMN data SET STATISTICS 0, ALTER COLUMN heard SET STATISTICS 0,
  ALTER COLUMN note SET STATISTICS 0;
ALTER TABLE readings ALTER COLUMN hours SET STATISTICS 0, ALTER COLUMN counters SET STATISTICS 0;
ALTER TABLE records ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE home_hours ALTER COLUMN import_wh SET STATISTICS 0, ALTER COLUMN export_wh SET STATISTICS 0;
ALTER TABLE held ALTER COLUMN reading SET STATISTICS 0, ALTER COLUMN total_ml SET STATISTICS 0;
ALTER TABLE meters ALTER COLUMN latest SET STATISTICS 0, ALTER COLUMN note SET STATISTICS 0;
ALTER TABLE gateways ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN status SET STATISTICS 0;
