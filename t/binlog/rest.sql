-- A second session, since the first one ends with a prepared transaction.
USE w;
XA START 'x4'; INSERT INTO t (v) VALUES (80); XA END 'x4'; XA PREPARE 'x4'; XA ROLLBACK 'x4';
SET binlog_format=STATEMENT;
LOAD DATA LOCAL INFILE '@LOAD@' INTO TABLE t (v);
LOAD DATA LOCAL INFILE '@LOAD@' INTO TABLE m (v);
SET binlog_format=ROW;
FLUSH LOGS;
INSERT INTO t (v,b) VALUES (5,REPEAT('abc',300));
DROP TABLE t2;
