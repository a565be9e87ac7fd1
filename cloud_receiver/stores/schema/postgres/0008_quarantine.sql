-- Telegrams of a stolen gateway that are set aside, by its rings.
CREATE INDEX telegrams_quarantined ON telegrams (epoch) WHERE state = 9;
