CREATE TABLE alias (address text, goto text, active int);
INSERT INTO alias VALUES ('a@example.com', 'x@example.net', 1), ('a@example.com', 'y@example.net', 1), ('b@example.com', NULL, 1), ('c@example.com', '', 1),
    ('off@example.com', 'z', 0), ('@example.com', 'catch@example.com', 1), ('o''brien@example.com', 'ob', 1), ('pc%t@example.com', '100%', 1),
    ('a+x@example.com', 'plain', 1), ('ü@example.com', 'ue@example.com', 1);
CREATE TABLE num (k text, n int, r real);
INSERT INTO num VALUES ('n', 5, 1.5), ('n', NULL, 2), ('n', 7, 0.1);
CREATE TABLE dom (name text);
INSERT INTO dom VALUES ('example.com'), ('example.org');
