-- The database of azawatch and its two accounts. Run once, as an administrator of the server:
--   psql --set=ON_ERROR_STOP=1 --file=roles.sql
-- Then give both a password (\password azawatch_owner, \password azawatch), or let pg_hba.conf ask for
-- certificates. `azawatch store migrate` as azawatch_owner makes the tables, and changes them for a new
-- release; `azawatch run` as azawatch may read and write rows, and nothing else; rows of the audit it may add
-- and read only, the number of the release read only, which the migration sees to.

CREATE ROLE azawatch_owner LOGIN;
CREATE ROLE azawatch LOGIN;
CREATE DATABASE azawatch OWNER azawatch_owner ENCODING 'UTF8' TEMPLATE template0;

\connect azawatch

REVOKE ALL ON DATABASE azawatch FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE azawatch TO azawatch;
GRANT USAGE ON SCHEMA public TO azawatch;
GRANT USAGE, CREATE ON SCHEMA public TO azawatch_owner;

-- Whatever the owner makes, now and in a later release.
ALTER DEFAULT PRIVILEGES FOR ROLE azawatch_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO azawatch;
ALTER DEFAULT PRIVILEGES FOR ROLE azawatch_owner IN SCHEMA public
  GRANT USAGE ON SEQUENCES TO azawatch;
