-- Telegrams of a meter that has a key, of which nothing opened under it: few, or an attack; the lists ask who has some.
CREATE INDEX telegrams_unsealed ON telegrams (meter) WHERE state = 5;
