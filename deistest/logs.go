package deistest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// defaultLogLines is how many lines of a log are sent unless the query has log_lines.
var defaultLogLines = byVersion[int]{v1_6: 1000, v2_2: 100, v2_3: 100}

// AddLog appends a line to the log of an app, as it is. The lines of real Controllers begin with a time and a source:
// "2026-01-02T15:04:05UTC example-go[web.1]: listening on 5000".
func (c *Controller) AddLog(appID, line string) error {
	return c.withApp(appID, func(a *app) error {
		a.logs = append(a.logs, line)
		return nil
	})
}

// ClearLogs empties the log of an app. Until something is logged, reading it returns 204 without content.
func (c *Controller) ClearLogs(appID string) error {
	return c.withApp(appID, func(a *app) error {
		a.logs = nil
		return nil
	})
}

// log writes to the log of the request's app, in the format of the version.
func (q *request) log(level, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if q.v2() {
		line = fmt.Sprintf("%s deis[controller]: %s [%s]: %s",
			now().Format("2006-01-02T15:04:05-07:00"), level, q.app.id, line)
	} else {
		line = q.stamp(now()) + " deis[api]: " + line
	}
	q.app.logs = append(q.app.logs, line)
}

// getLogs returns the end of a log: as one JSON string in API 1.6, printed as Python bytes in API 2.2, as plain text in
// API 2.3.
func getLogs(q *request) *response {
	lines := q.app.logs
	if len(lines) == 0 {
		resp := empty(http.StatusNoContent)
		resp.contentType = "text/plain"
		if q.v2() {
			resp.contentType = "text/html; charset=utf-8"
		}
		return resp
	}
	query := q.http.URL.Query()
	wanted, given := query.Get("log_lines"), query.Has("log_lines")
	if !given || wanted == "" && q.v2() && !q.late23() {
		wanted = strconv.Itoa(defaultLogLines.of(q.Controller))
	}
	n, err := strconv.Atoi(wanted)
	switch {
	case err != nil && q.v2():
		return text(http.StatusInternalServerError, []byte("Error accessing logs for "+q.app.id))
	case err != nil:
		return q.crash()
	case strings.HasPrefix(wanted, "+"):
		lines = lines[min(max(n-1, 0), len(lines)):] // 1.6 passes the number to tail, where +2 means "from line 2"
	case n == 0 && q.v23():
	default:
		lines = lines[max(len(lines)-max(n, -n), 0):]
	}
	var all string
	if len(lines) > 0 {
		all = strings.Join(lines, "\n") + "\n"
	}
	if q.v23() {
		return text(http.StatusOK, []byte(all))
	}
	if q.v2() {
		return text(http.StatusOK, []byte(pythonBytes(all)))
	}
	return text(http.StatusOK, encode(all))
}
