/* The metrics server; see metrics.h. */
#include "manager/act/metrics.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX     16
#define CONNECTIONS_MAX 16
#define TIMEOUT_S       5
#define STACK_BYTES     (128 * 1024)
#define OPENMETRICS     "application/openmetrics-text"

struct metrics {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    struct {
        metrics_fn *fn;
        void *arg;
    } source[SOURCES_MAX];
    int sources;
    metrics_health_fn *health;
    void *health_arg;
};

void metrics_family(struct metrics_page *p, const char *name, const char *type, const char *help)
{
    const char *total = !p->open && strcmp(type, "counter") == 0 ? "_total" : "";

    buf_addf(&p->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total, type);
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
    buf_addf(labels, "%s%s=\"", labels->len ? "," : "", name);
    for (; *value; value++) {
        if (*value == '\n')
            buf_adds(labels, "\\n");
        else if (*value == '"' || *value == '\\')
            buf_addf(labels, "\\%c", *value);
        else
            buf_addc(labels, *value);
    }
    buf_addc(labels, '"');
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code, const char *type,
                              struct buf *text)
{
    size_t len = text->len;
    struct MHD_Response *r;
    enum MHD_Result rc;

    r = MHD_create_response_from_buffer(len, text->data, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    rc = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result answer_metrics(struct metrics *m, struct MHD_Connection *c)
{
    const char *wants = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    struct metrics_page p = {.out = BUF_INIT, .open = wants && strstr(wants, OPENMETRICS)};
    enum MHD_Result rc;

    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->sources; i++)
        m->source[i].fn(&p, m->source[i].arg);
    pthread_mutex_unlock(&m->lock);
    if (p.open)
        buf_adds(&p.out, "# EOF\n");
    rc = answer(c, MHD_HTTP_OK,
                p.open ? OPENMETRICS "; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8",
                &p.out);
    buf_release(&p.out);
    return rc;
}

static enum MHD_Result answer_health(struct metrics *m, struct MHD_Connection *c)
{
    struct buf text = BUF_INIT;
    enum MHD_Result rc;
    int well;

    pthread_mutex_lock(&m->lock);
    well = !m->health || m->health(&text, m->health_arg);
    pthread_mutex_unlock(&m->lock);
    rc = answer(c, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain; charset=utf-8",
                &text);
    buf_release(&text);
    return rc;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct buf text = BUF_INIT;
    enum MHD_Result rc;

    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    if (strcmp(method, "GET") == 0 && strcmp(url, "/metrics") == 0)
        return answer_metrics(arg, c);
    if (strcmp(method, "GET") == 0 && strcmp(url, "/healthz") == 0)
        return answer_health(arg, c);
    buf_adds(&text, "kagemusha: /metrics and /healthz\n");
    rc = answer(c, MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8", &text);
    buf_release(&text);
    return rc;
}

static int is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *four = (const void *)a;
    const struct sockaddr_in6 *six = (const void *)a;

    if (a->ss_family == AF_INET)
        return (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* "9846", "127.0.0.1:9846", "[::1]:9846" */
static int parse(const char *listen, struct sockaddr_storage *out, struct err *e)
{
    struct sockaddr_in *four = (void *)out;
    struct sockaddr_in6 *six = (void *)out;
    const char *colon = strrchr(listen, ':'), *number = colon ? colon + 1 : listen;
    char host[64] = "127.0.0.1", *end;
    long port = strtol(number, &end, 10);

    memset(out, 0, sizeof(*out));
    if (colon && *listen == '[' && colon[-1] == ']')
        snprintf(host, sizeof(host), "%.*s", (int)(colon - listen - 2), listen + 1);
    else if (colon)
        snprintf(host, sizeof(host), "%.*s", (int)(colon - listen), listen);
    if (end == number || *end || port < 1 || port > 65535)
        return err_set(e, ERR_CONFIG, "metrics_listen=%.100s: no port number", listen);
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
    }
    if (out->ss_family == 0 || !is_loopback(out))
        return err_set(e, ERR_CONFIG,
                       "metrics_listen=%.100s: not a loopback address; let a proxy serve others",
                       listen);
    return 0;
}

int metrics_start(struct metrics **out, const char *listen, struct err *e)
{
    struct sockaddr_storage a;
    struct metrics *m;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

    *out = NULL;
    if (parse(listen, &a, e) < 0)
        return -1;
    if (a.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    m = mem_zalloc(sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    m->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&a,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
    if (m->daemon) {
        *out = m;
        return 0;
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
    return err_errno(e, ERR_CONFIG, "metrics_listen=%.100s", listen);
}

void metrics_stop(struct metrics **m)
{
    if (!*m)
        return;
    MHD_stop_daemon((*m)->daemon);
    pthread_mutex_destroy(&(*m)->lock);
    free(*m);
    *m = NULL;
}

int metrics_add_source(struct metrics *m, metrics_fn *fn, void *arg, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&m->lock);
    if (m->sources == SOURCES_MAX) {
        rc = err_set(e, ERR_BUG, "more than %d sources of metrics", SOURCES_MAX);
    } else {
        m->source[m->sources].fn = fn;
        m->source[m->sources++].arg = arg;
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

void metrics_set_health(struct metrics *m, metrics_health_fn *fn, void *arg)
{
    pthread_mutex_lock(&m->lock);
    m->health = fn;
    m->health_arg = arg;
    pthread_mutex_unlock(&m->lock);
}
