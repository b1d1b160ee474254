/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

#include "auto.h"

#define INVISIBLE '\1'
#define TEXT_MAX 16 /* of a terminal's control sequence */

struct ctr_edit {
	EditLine *editor;
	History *history;
	FILE *input, *output, *errors;
	int fd;
	const char *prompt;
	const struct ctr_edit_events *events;
	char up[TEXT_MAX], clear[TEXT_MAX];
	mbstate_t bytes; /* of a character that has not come whole yet */
	bool was_interrupted;
};

/* The signals that matter while a line is edited. */
static const int watched[] = { SIGINT, SIGWINCH, SIGCONT };
#define WATCHED (sizeof(watched) / sizeof(watched[0]))

static volatile sig_atomic_t arrived[WATCHED];

static void note_signal(int signo)
{
	for (size_t i = 0; i < WATCHED; i++) {
		if (watched[i] == signo)
			arrived[i] = 1;
	}
}

static bool take_signal(int signo)
{
	for (size_t i = 0; i < WATCHED; i++) {
		if (watched[i] == signo && arrived[i]) {
			arrived[i] = 0;
			return true;
		}
	}
	return false;
}

/* What signals do while a line is edited, and did before. */
struct signals {
	struct sigaction actions[WATCHED];
	sigset_t mask;
};

/* They come in poll(2) alone: none is missed that arrives just before it. */
static void catch_signals(struct signals *ret_before)
{
	struct sigaction action = { .sa_handler = note_signal };
	sigset_t set;

	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	for (size_t i = 0; i < WATCHED; i++) {
		arrived[i] = 0;
		sigaddset(&set, watched[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &ret_before->mask);
	for (size_t i = 0; i < WATCHED; i++)
		sigaction(watched[i], &action, &ret_before->actions[i]);
}

static void release_signals(const struct signals *before)
{
	for (size_t i = 0; i < WATCHED; i++)
		sigaction(watched[i], &before->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* Runs an event's function, in which Ctrl-C has to end what waits. */
static void call(struct ctr_edit *edit, void (*function)(void *data))
{
	sigset_t set, before;

	sigemptyset(&set);
	for (size_t i = 0; i < WATCHED; i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_UNBLOCK, &set, &before);
	function(edit->events->data);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static struct ctr_edit *edit_of(EditLine *editor)
{
	struct ctr_edit *edit = NULL;

	el_get(editor, EL_CLIENTDATA, &edit);
	return edit;
}

static char *prompt_of(EditLine *editor)
{
	return (char *)edit_of(editor)->prompt;
}

static void refresh(struct ctr_edit *edit)
{
	el_set(edit->editor, EL_REFRESH);
}

/* Where the cursor stands behind some text, counted from where the prompt begins. */
struct position {
	int row, column;
};

/* Characters that cannot be shown are shown as ^X. */
static int width_of(wchar_t character)
{
	int width = wcwidth(character);

	return width < 0 ? 2 : width;
}

static void advance(struct position *at, wchar_t character, int columns)
{
	int width = width_of(character);

	if (character == L'\n') {
		at->row++;
		at->column = 0;
		return;
	}
	if (at->column + width > columns) {
		at->row++;
		at->column = 0;
	}
	at->column += width;
	if (at->column >= columns) {
		at->row++;
		at->column = 0;
	}
}

static void advance_text(struct position *at, const char *text, size_t size, int columns)
{
	mbstate_t state = { 0 };
	bool is_invisible = false;

	while (size > 0) {
		wchar_t character;
		size_t length = mbrtowc(&character, text, size, &state);

		if (length == 0 || length > size)
			return;
		if (character == INVISIBLE)
			is_invisible = !is_invisible;
		else if (!is_invisible)
			advance(at, character, columns);
		text += length;
		size -= length;
	}
}

static int columns_of(const struct ctr_edit *edit)
{
	struct winsize size;

	if (ioctl(fileno(edit->output), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* Where the cursor stands behind the first size bytes of the line. */
static struct position position_in(struct ctr_edit *edit, const char *line, size_t size)
{
	struct position at = { 0 };
	int columns = columns_of(edit);

	advance_text(&at, edit->prompt, strlen(edit->prompt), columns);
	advance_text(&at, line, size, columns);
	return at;
}

/* Leaves the line as it stands: what is written next comes below it. */
static void leave_line(struct ctr_edit *edit)
{
	size_t length, cursor;
	const char *line = ctr_edit_line(edit, &length, &cursor);
	int rows = position_in(edit, line, length).row - position_in(edit, line, cursor).row;

	while (rows-- >= 0)
		fputs("\r\n", edit->output);
	fflush(edit->output);
}

/* True when a key can be read; false when the line is to be given up. */
static bool wait_for_key(struct ctr_edit *edit)
{
	struct pollfd fds[2] = {
		{ .fd = edit->fd, .events = POLLIN },
		{ .fd = edit->events->fd, .events = POLLIN },
	};
	sigset_t open;

	sigprocmask(SIG_SETMASK, NULL, &open);
	for (size_t i = 0; i < WATCHED; i++)
		sigdelset(&open, watched[i]);
	for (;;) {
		int count = ppoll(fds, 2, NULL, &open);

		if (take_signal(SIGINT)) {
			edit->was_interrupted = true;
			leave_line(edit);
			return false;
		}
		if (take_signal(SIGWINCH))
			el_resize(edit->editor);
		if (take_signal(SIGCONT)) {
			el_set(edit->editor, EL_PREP_TERM, 1);
			refresh(edit);
		}
		if (count > 0 && fds[1].revents)
			call(edit, edit->events->ready);
		if (count > 0 && fds[0].revents)
			return true;
	}
}

/* libedit's way to a character: 1 with one, 0 at the end, -1 to give the line up. */
static int read_character(EditLine *editor, wchar_t *ret_character)
{
	struct ctr_edit *edit = edit_of(editor);
	char byte;

	for (;;) {
		size_t length;

		if (!wait_for_key(edit))
			return -1;
		if (read(edit->fd, &byte, 1) <= 0)
			return 0;
		length = mbrtowc(ret_character, &byte, 1, &edit->bytes);
		if (length == 0 || length == 1)
			return 1;
		if (length == (size_t)-1)
			memset(&edit->bytes, 0, sizeof(edit->bytes));
	}
}

static unsigned char complete(EditLine *editor, int key)
{
	struct ctr_edit *edit = edit_of(editor);

	(void)key;
	call(edit, edit->events->complete);
	return CC_REFRESH;
}

static void read_sequence(EditLine *editor, const char *name, char *ret_text)
{
	char *text = NULL;

	el_get(editor, EL_GETTC, name, &text);
	if (text && strlen(text) < TEXT_MAX)
		strcpy(ret_text, text); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy) */
}

static void bind_keys(EditLine *editor)
{
	static const char *const keys[][2] = {
		{ "^I", "ctr-complete" },
		{ "^R", "em-inc-search-prev" },
		{ "^S", "em-inc-search-next" },
		{ "\\e[1;5C", "em-next-word" },
		{ "\\e[1;5D", "ed-prev-word" },
		{ "\\e[3~", "ed-delete-next-char" },
		{ "\\e[H", "ed-move-to-beg" },
		{ "\\e[F", "ed-move-to-end" },
		{ "\\e[1~", "ed-move-to-beg" },
		{ "\\e[4~", "ed-move-to-end" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		el_set(editor, EL_BIND, keys[i][0], keys[i][1], NULL);
}

static void set_up(struct ctr_edit *edit, int history_max)
{
	EditLine *editor = edit->editor;
	HistEvent event;

	el_set(editor, EL_CLIENTDATA, edit);
	el_set(editor, EL_SIGNAL, 0);
	el_set(editor, EL_EDITOR, "emacs");
	el_set(editor, EL_PROMPT_ESC, prompt_of, INVISIBLE);
	el_set(editor, EL_GETCFN, read_character);
	el_set(editor, EL_ADDFN, "ctr-complete", "Complete what stands before the cursor", complete);
	history(edit->history, &event, H_SETSIZE, history_max);
	history(edit->history, &event, H_SETUNIQUE, 1);
	el_set(editor, EL_HIST, history, edit->history);
	el_source(editor, NULL);
	bind_keys(editor);
	read_sequence(editor, "up", edit->up);
	read_sequence(editor, "cd", edit->clear);
}

/* Without a locale, characters that are not ASCII could not be typed. */
static void set_locale(void)
{
	const char *name = setlocale(LC_CTYPE, "");

	if (!name || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* A stream of a copy: it is closed, and the descriptor is not. */
static FILE *open_stream(int fd, const char *mode)
{
	ctr_auto_fd int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *stream = copy >= 0 ? fdopen(copy, mode) : NULL;

	if (stream)
		copy = -1; /* the stream's */
	return stream;
}

static int open_parts(struct ctr_edit *edit, const char *name, int input, int output)
{
	edit->input = open_stream(input, "r");
	edit->output = open_stream(output, "w");
	edit->errors = fopen("/dev/null", "we"); /* what libedit thinks of TERM is not for people */
	if (!edit->input || !edit->output || !edit->errors)
		return -1;
	edit->fd = fileno(edit->input);
	edit->history = history_init();
	edit->editor = el_init(name, edit->input, edit->output, edit->errors);
	return edit->history && edit->editor ? 0 : -1;
}

int ctr_edit_open(const char *name, int input, int output, int history_max,
		  struct ctr_edit **ret_edit, struct ctr_err *err)
{
	struct ctr_edit *edit = calloc(1, sizeof(*edit));

	if (!edit)
		return ctr_fail(err, ENOMEM, "el_init", "%s", name);
	set_locale();
	errno = ENOMEM;
	if (open_parts(edit, name, input, output) < 0) {
		ctr_fail(err, errno, "el_init", "%s", name);
		ctr_edit_close(edit);
		return -1;
	}
	set_up(edit, history_max);
	if (!edit->up[0] || !edit->clear[0]) {
		ctr_edit_close(edit);
		return ctr_fail(err, ENOTTY, "el_init", "%s", "the cursor cannot be moved");
	}
	*ret_edit = edit;
	return 0;
}

void ctr_edit_close(struct ctr_edit *edit)
{
	if (!edit)
		return;
	if (edit->editor)
		el_end(edit->editor);
	if (edit->history)
		history_end(edit->history);
	if (edit->input)
		fclose(edit->input);
	if (edit->output)
		fclose(edit->output);
	if (edit->errors)
		fclose(edit->errors);
	free(edit);
}

enum ctr_edit_end ctr_edit_read(struct ctr_edit *edit, const char *prompt,
				const struct ctr_edit_events *events, const char **ret_line,
				size_t *ret_length)
{
	struct signals before;
	const char *line;
	int length = 0;

	edit->prompt = prompt;
	edit->events = events;
	edit->was_interrupted = false;
	memset(&edit->bytes, 0, sizeof(edit->bytes));
	catch_signals(&before);
	/* libedit itself does so after the prompt: what is typed between is echoed twice. */
	el_set(edit->editor, EL_PREP_TERM, 1);
	line = el_gets(edit->editor, &length);
	release_signals(&before);
	edit->events = NULL;
	if (edit->was_interrupted)
		return CTR_EDIT_INTERRUPTED;
	if (!line || length <= 0)
		return CTR_EDIT_END;
	if (line[length - 1] == '\n')
		length--;
	*ret_line = line;
	*ret_length = (size_t)length;
	return CTR_EDIT_LINE;
}

void ctr_edit_remember(struct ctr_edit *edit, const char *line)
{
	HistEvent event;

	history(edit->history, &event, H_ENTER, line);
}

const char *ctr_edit_line(struct ctr_edit *edit, size_t *ret_length, size_t *ret_cursor)
{
	const LineInfo *line = el_line(edit->editor);

	*ret_length = (size_t)(line->lastchar - line->buffer);
	*ret_cursor = (size_t)(line->cursor - line->buffer);
	return line->buffer;
}

void ctr_edit_insert(struct ctr_edit *edit, const char *text)
{
	el_insertstr(edit->editor, text);
}

void ctr_edit_print(struct ctr_edit *edit, const char *text)
{
	bool is_line_open = false;
	size_t length, cursor;
	const char *line = ctr_edit_line(edit, &length, &cursor);
	int rows = position_in(edit, line, cursor).row;

	fputc('\r', edit->output);
	while (rows-- > 0)
		fputs(edit->up, edit->output);
	fputs(edit->clear, edit->output);
	/* The terminal is told to add no carriage returns while a line is edited, or does it anyway. */
	for (; *text; text++) {
		if (*text == '\n')
			fputc('\r', edit->output);
		fputc(*text, edit->output);
		is_line_open = *text != '\n';
	}
	if (is_line_open)
		fputs("\r\n", edit->output);
	fflush(edit->output);
	refresh(edit);
}
