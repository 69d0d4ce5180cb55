#include "control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "heartbeat.h"
#include "loop_jobs.h"
#include "prediction_message.h"
#include "startup.h"

enum { SUBJECTS_PAGE = 16 };

static void answer_done(proto_message *out, const char *command, const char *text)
{
    proto_message_init(out, PROTO_KIND_DONE);
    (void)snprintf(out->as.done.command, sizeof out->as.done.command, "%s", command);
    (void)snprintf(out->as.done.text, sizeof out->as.done.text, "%s", text);
}

static void answer_error(proto_message *out, proto_error_code code, const char *key,
                         const char *text)
{
    proto_message_init(out, PROTO_KIND_ERROR);
    (void)snprintf(out->as.error.code, sizeof out->as.error.code, "%s", proto_error_name(code));
    (void)snprintf(out->as.error.key, sizeof out->as.error.key, "%s", key);
    (void)snprintf(out->as.error.text, sizeof out->as.error.text, "%.255s", text);
}

static void on_status(struct server *server, const proto_message *heard, proto_message *out)
{
    (void)heard;
    heartbeat_fill_status(server, out);
}

static void on_subjects(struct server *server, const proto_message *heard, proto_message *out)
{
    const struct subjects *subjects = &server->subjects;
    const int64_t offset = heard->as.command.offset == PROTO_NIL ? 0 : heard->as.command.offset;
    proto_message_init(out, PROTO_KIND_SUBJECTS);
    proto_subjects *s = &out->as.subjects;
    s->total = subjects->n_subjects;
    s->offset = offset;
    for (int64_t i = offset; i < s->total && s->animals.n < SUBJECTS_PAGE; i++) {
        proto_message prediction;
        proto_animal *a = &s->animals.v[s->animals.n++];
        proto_animal_init(a);
        prediction_message_fill(subjects, (uint32_t)i, &prediction);
        strcpy(a->rig, prediction.env.rig);
        strcpy(a->subject, prediction.env.subject);
        strcpy(a->session, prediction.env.session);
        a->trial = prediction.as.prediction.for_trial > 0 ? prediction.as.prediction.for_trial - 1
                                                          : PROTO_NIL;
        a->score.present = prediction.as.prediction.score.present;
        a->score.v = prediction.as.prediction.score.v;
        const struct adaptation *own = subjects_adaptation(subjects, (uint32_t)i);
        a->adaptation = own != NULL ? own->head.id : PROTO_NIL;
        if (subjects->subject[i].standing.n_pushed >= 0) {
            strcpy(a->status,
                   model_ibl_criteria_status_name(subjects->subject[i].standing.now.status));
        }
    }
}

static void on_checkpoint(struct server *server, const proto_message *heard, proto_message *out)
{
    heartbeat_checkpoint_all(server);
    answer_done(out, heard->as.command.command, "every changed subject is being written to disk");
}

static void on_load_model(struct server *server, const proto_message *heard, proto_message *out)
{
    struct fault fault;
    if (heard->as.command.file[0] == '\0') {
        answer_error(out, PROTO_ERROR_BAD_MESSAGE, "command.file", "missing: the model file");
    } else if (startup_load_model(server, heard->as.command.file, &fault) != FAULT_NONE) {
        answer_error(out, PROTO_ERROR_NOT_FOUND, "command.file", fault.text);
    } else {
        answer_done(out, heard->as.command.command, server->subjects.model_hash);
    }
}

static void on_adapt_undo(struct server *server, const proto_message *heard, proto_message *out)
{
    const uint32_t subject = subjects_find_subject(&server->subjects, heard->env.subject);
    if (heard->env.subject[0] == '\0') {
        answer_error(out, PROTO_ERROR_BAD_MESSAGE, "command.subject", "missing: the animal");
    } else if (subject == SUBJECTS_NONE) {
        answer_error(out, PROTO_ERROR_NOT_FOUND, "command.subject", "no message of it so far");
    } else if (!loop_jobs_undo_adaptation(server, subject)) {
        answer_error(out, PROTO_ERROR_NOT_FOUND, "command.subject", "it has no adapted parameters");
    } else {
        answer_done(out, heard->as.command.command,
                    "the parameters before the last change are in force");
    }
}

static void on_stop(struct server *server, const proto_message *heard, proto_message *out)
{
    server->stop = true;
    answer_done(out, heard->as.command.command, "stopping");
}

static const struct {
    const char *name;
    void (*run)(struct server *server, const proto_message *heard, proto_message *out);
} COMMANDS[] = {
    {"status", on_status},         {"subjects", on_subjects},     {"checkpoint", on_checkpoint},
    {"load_model", on_load_model}, {"adapt_undo", on_adapt_undo}, {"stop", on_stop},
};

static void carry_out(struct server *server, const proto_message *heard, proto_message *out)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(heard->as.command.command, COMMANDS[i].name) == 0) {
            COMMANDS[i].run(server, heard, out);
            return;
        }
    }
    answer_error(out, PROTO_ERROR_BAD_MESSAGE, "command.command",
                 "expected status, subjects, checkpoint, load_model, adapt_undo or stop");
}

size_t control_answer(struct server *server, const uint8_t *bytes, size_t size, uint8_t *out,
                      size_t cap)
{
    proto_message heard;
    proto_message answer;
    proto_fault fault;
    if (proto_decode(bytes, size, &heard, &fault) != PROTO_OK) {
        answer_error(&answer, PROTO_ERROR_BAD_MESSAGE, fault.key, fault.text);
    } else if (heard.kind != PROTO_KIND_COMMAND) {
        answer_error(&answer, PROTO_ERROR_UNKNOWN_KIND, "kind",
                     "the control socket accepts only messages of kind command");
    } else {
        carry_out(server, &heard, &answer);
    }
    const int n = proto_encode(&answer, proto_format_of(bytes, size), out, cap);
    return n > 0 ? (size_t)n : 0;
}
