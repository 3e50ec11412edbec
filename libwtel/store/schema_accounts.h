/* Version 2: accounts as Asterisk reads them. */
#ifndef STORE_SCHEMA_ACCOUNTS_H
#define STORE_SCHEMA_ACCOUNTS_H

#define SCHEMA_ACCOUNTS_POSTGRES ""

#define SCHEMA_ACCOUNTS_SQLITE ""

#endif
