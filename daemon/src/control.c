#include "control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static void on_status(struct loop *loop, const proto_command *command, proto_message *out)
{
    (void)command;
    loop_fill_status(loop, out);
}

static void on_subjects(struct loop *loop, const proto_command *command, proto_message *out)
{
    const struct colony *colony = &loop->colony;
    const int64_t offset = command->offset == PROTO_NIL ? 0 : command->offset;
    proto_message_init(out, PROTO_KIND_SUBJECTS);
    proto_subjects *s = &out->as.subjects;
    s->total = colony->n_subjects;
    s->offset = offset;
    for (int64_t i = offset; i < s->total && s->animals.n < SUBJECTS_PAGE; i++) {
        proto_message prediction;
        proto_animal *a = &s->animals.v[s->animals.n++];
        proto_animal_init(a);
        colony_predict(colony, (uint32_t)i, &prediction);
        strcpy(a->rig, prediction.env.rig);
        strcpy(a->subject, prediction.env.subject);
        strcpy(a->session, prediction.env.session);
        a->trial = prediction.as.prediction.for_trial > 0 ? prediction.as.prediction.for_trial - 1
                                                          : PROTO_NIL;
        a->score.present = prediction.as.prediction.score.present;
        a->score.v = prediction.as.prediction.score.v;
        if (colony->subjects[i].standing.n_pushed >= 0) {
            strcpy(a->status, model_criteria_status_name(colony->subjects[i].standing.now.status));
        }
    }
}

static void on_checkpoint(struct loop *loop, const proto_command *command, proto_message *out)
{
    loop_checkpoint_all(loop);
    answer_done(out, command->command, "every changed subject is on its way to the disk");
}

static void on_load_model(struct loop *loop, const proto_command *command, proto_message *out)
{
    struct fault fault;
    if (command->file[0] == '\0') {
        answer_error(out, PROTO_ERROR_BAD_MESSAGE, "command.file", "missing: the model file");
    } else if (loop_load_model(loop, command->file, &fault) != FAULT_NONE) {
        answer_error(out, PROTO_ERROR_NOT_FOUND, "command.file", fault.text);
    } else {
        answer_done(out, command->command, loop->colony.model_hash);
    }
}

static void on_stop(struct loop *loop, const proto_command *command, proto_message *out)
{
    loop->stop = true;
    answer_done(out, command->command, "stopping");
}

static const struct {
    const char *name;
    void (*run)(struct loop *loop, const proto_command *command, proto_message *out);
} COMMANDS[] = {
    {"status", on_status},         {"subjects", on_subjects}, {"checkpoint", on_checkpoint},
    {"load_model", on_load_model}, {"stop", on_stop},
};

static void carry_out(struct loop *loop, const proto_command *command, proto_message *out)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(command->command, COMMANDS[i].name) == 0) {
            COMMANDS[i].run(loop, command, out);
            return;
        }
    }
    answer_error(out, PROTO_ERROR_BAD_MESSAGE, "command.command",
                 "expected status, subjects, checkpoint, load_model or stop");
}

size_t control_answer(struct loop *loop, const uint8_t *bytes, size_t size, uint8_t *out,
                      size_t cap)
{
    proto_message heard;
    proto_message answer;
    proto_fault fault;
    if (proto_decode(bytes, size, &heard, &fault) != PROTO_OK) {
        answer_error(&answer, PROTO_ERROR_BAD_MESSAGE, fault.key, fault.text);
    } else if (heard.kind != PROTO_KIND_COMMAND) {
        answer_error(&answer, PROTO_ERROR_UNKNOWN_KIND, "kind",
                     "the control socket takes messages of kind command only");
    } else {
        carry_out(loop, &heard.as.command, &answer);
    }
    const int n = proto_encode(&answer, proto_format_of(bytes, size), out, cap);
    return n > 0 ? (size_t)n : 0;
}
