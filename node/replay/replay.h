/* The replay server (decision 16): the master's side of the replication protocol, for one
 * replica, over a spooled extract. It presents the dead master's names and serves its events at
 * their original coordinates. Loopback only. The parts hand each other what is here. */
#ifndef KAGEMUSHA_NODE_REPLAY_H
#define KAGEMUSHA_NODE_REPLAY_H

#include "common/binpos.h"
#include "common/gtid.h"
#include "common/json.h"
#include "node/extract/stream.h"
#include "node/replay/packet.h"

#include <pthread.h>
#include <stdatomic.h>

#define REPLAY_PASSWORD_BYTES 25 /* 24 characters and a NUL */
#define REPLAY_NONCE_BYTES    20

/* What the manager asks for; the first frame. */
struct replay_ask {
    uint32_t server_id; /* the dead master's */
    char uuid[40];
    char version[51]; /* of the dead master; "": as the stream's format event says */
    char gtid_mode[24];
    uint32_t replica_server_id; /* who may come */
    char replica_uuid[40];      /* "" on MariaDB */
    int use_sha2;               /* caching_sha2_password instead of mysql_native_password */
    int any_password;           /* no password of ours: the peer is judged by its socket instead */
    unsigned peer_uid;          /* with any_password: whose socket it must be */
    int port;                   /* 0: any */
    char dir[1024];             /* where the spool lies */
    int by_gtid;
    struct binpos after;  /* the extract begins behind it, without a gap */
    struct gtid_set have; /* likewise */
};

/* Shared by the thread that serves and the one that talks to the manager. */
struct replay {
    struct replay_ask ask;
    char password[REPLAY_PASSWORD_BYTES];
    int listener, port;
    struct stream *stream;
    uint64_t total_bytes;       /* of the spool */
    struct binpos end;          /* of the stream, where it tells one */
    char server_version[51];    /* as presented */
    int first_checksum;         /* enum binlog_checksum of the first piece */
    atomic_int state;           /* enum replay_state */
    atomic_int refused;         /* connections that were turned away */
    atomic_uint_least64_t sent; /* bytes of events */
    pthread_mutex_t lock;       /* over text */
    char text[ERR_TEXT_BYTES];  /* the last refusal or loss */
};

enum replay_state { REPLAY_WAITING, REPLAY_SERVING, REPLAY_SERVED };

/* ask.c: out is zeroed before; ERR_FORMAT. release in any case. */
int replay_ask_read(struct json_object *o, struct replay_ask *out, struct err *e);
void replay_ask_release(struct replay_ask *a);

/* One connection. */
struct replay_session {
    struct replay *r;
    struct packet_conn conn;
    unsigned char nonce[REPLAY_NONCE_BYTES];
    int64_t heartbeat_ns;
    int wants_checksum;    /* it has asked for the algorithm */
    char slave_uuid[40];   /* as it says */
    struct gtid_set state; /* MariaDB: slave_connect_state */
    int has_state;
    uint32_t slave_id; /* by COM_REGISTER_SLAVE */
};

/* login.c. 1 logged in, 0 turned away (and told so), -1. */
int replay_login(struct replay_session *s, struct err *e);
/* answer.c: the reply to one statement; unknown ones get an error and the session goes on. */
int replay_answer(struct replay_session *s, const char *text, struct err *e);
/* session.c: login and commands until the end of the connection; then closes nothing. 0 when the
 * replica hung up. */
int replay_session_run(struct replay *r, int in_fd, int out_fd, struct err *e);

/* What a dump command asks for. */
struct replay_dump {
    int by_gtid; /* MySQL's set or MariaDB's state, in `have` */
    struct binpos from;
    uint16_t flags;
    uint32_t server_id;
    struct gtid_set have;
};
/* dump_ask.c: reads COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID, whole payloads with their command
 * byte. ERR_FORMAT. out is initialised here; release out->have in any case. */
int replay_dump_read(const unsigned char *p, size_t len, struct replay_dump *out, struct err *e);
/* dump.c: sends everything, then heartbeats until the replica hangs up or asks for an end. */
int replay_dump_run(struct replay_session *s, const struct replay_dump *d, struct err *e);

/* peer.c: 1 when the other end of this loopback connection is a socket of that user; 0 not; -1. */
int replay_peer_is(int fd, unsigned uid, struct err *e);

/* server.c: listens on r->port and serves the stream in the file at path, of so many bytes, by a
 * thread of its own until the process ends; r->ask and r->lock are set before. ERR_WORLD when the
 * stream holds no event, ERR_IO, ERR_FORMAT. */
int replay_begin(struct replay *r, const char *path, uint64_t bytes, struct err *e);
/* main.c: `kagemusha-node replay`. */
int node_replay_main(int argc, char **argv);

#endif
