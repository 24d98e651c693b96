package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
)

// This file follows logs, each only once, however many pages show it.

// A logLine is a line of a log, split into its parts. The time and the source are empty if a line has none.
type logLine struct {
	Time   string `json:"time"`  // of the day
	Exact  string `json:"exact"` // with the date
	Source string `json:"source"`
	Text   string `json:"text"`
	Gap    bool   `json:"gap"` // lines were missed here; no other field is set
}

var (
	// What the loggers of all versions write: time, app or "deis", process or pod.
	lineForm = regexp.MustCompile(`(?s)^(\S+) (\S+?)\[([^\]\s]*)\]: (.*)$`)
	// Terminal colors.
	colors = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

func parseLine(line string) logLine {
	line = strings.TrimRight(colors.ReplaceAllString(line, ""), "\r\n")
	parts := lineForm.FindStringSubmatch(line)
	if parts == nil {
		return logLine{Text: visible(line)}
	}
	var at deis.Time
	if err := at.UnmarshalJSON([]byte(strconv.Quote(parts[1]))); err != nil || at.IsZero() {
		return logLine{Text: visible(line)}
	}
	app, source := parts[2], parts[3]
	if app == "deis" {
		source = "deis"
	}
	return logLine{
		Time:   at.Format(time.TimeOnly),
		Exact:  at.Format("2 January 2006, 15:04:05 UTC"),
		Source: visible(strings.TrimPrefix(source, app+"-")),
		Text:   visible(parts[4]),
	}
}

// matching returns the lines that contain text, or all if it is empty.
func matching(lines []logLine, text string) []logLine {
	if text == "" {
		return lines
	}
	text = strings.ToLower(text)
	var found []logLine
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line.Time+" "+line.Source+" "+line.Text), text) {
			found = append(found, line)
		}
	}
	return found
}

const (
	reconnect   = 3 * time.Second  // how long a browser waits before it reconnects
	streamLife  = 10 * time.Minute // then the browser reconnects, so that no hung request blocks the log forever
	slowBrowser = 15 * time.Second // how long a browser may take to read a line
	askEvery    = 2 * time.Second
	linesKept   = 1000
)

// A feed is a log that is followed, for all its viewers.
type feed struct {
	mu      sync.Mutex
	lines   []logLine     // the latest ones
	first   int           // the number of lines[0], counted from the beginning of the feed
	err     error         // why it has ended
	changed chan struct{} // closed when any of these changes
	readers int
	stop    context.CancelFunc
}

// add adds a line, or ends the feed with an error.
func (f *feed) add(line logLine, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
	} else {
		f.lines = append(f.lines, line)
		if extra := len(f.lines) - linesKept; extra > 0 {
			f.lines, f.first = f.lines[extra:], f.first+extra
		}
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// after returns the lines from number n on, and a channel that is closed when there are more. They begin with a gap if
// some are gone. A negative n means all lines.
func (f *feed) after(n int) (lines []logLine, next int, more <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case n < 0:
		n = f.first
	case n < f.first:
		lines, n = append(lines, logLine{Gap: true}), f.first
	}
	return append(lines, f.lines[n-f.first:]...), f.first + len(f.lines), f.changed, f.err
}

// feeds are the logs that are being followed.
type feeds struct {
	client *deis.Client
	every  time.Duration // how often a log is read while lines arrive

	mu    sync.Mutex
	byApp map[string]*feed
}

func newFeeds(client *deis.Client) *feeds {
	return &feeds{client: client, every: askEvery, byApp: make(map[string]*feed)}
}

// join returns the feed of an app, and a function to call when it is no longer needed. A feed begins when its first reader
// joins, and ends when its last reader leaves.
func (fs *feeds) join(app string) (f *feed, leave func()) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f = fs.byApp[app]
	if f == nil {
		ctx, stop := context.WithCancel(snapshot.Urgent(context.Background()))
		f = &feed{changed: make(chan struct{}), stop: stop}
		fs.byApp[app] = f
		go fs.follow(ctx, app, f)
	}
	f.readers++
	return f, func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		if f.readers--; f.readers == 0 {
			f.stop()
			fs.forget(app, f)
		}
	}
}

func (fs *feeds) forget(app string, f *feed) {
	if fs.byApp[app] == f {
		delete(fs.byApp, app)
	}
}

func (fs *feeds) follow(ctx context.Context, app string, f *feed) {
	for line, err := range fs.client.Apps.Follow(ctx, app, apps.FollowOptions{Lines: linesSeen, Interval: fs.every}) {
		switch {
		case errors.Is(err, apps.ErrGap):
			f.add(logLine{Gap: true}, nil)
		case err != nil:
			fs.mu.Lock()
			fs.forget(app, f) // a browser that reconnects gets a new one
			fs.mu.Unlock()
			f.add(logLine{}, err)
		default:
			f.add(parseLine(line), nil)
		}
	}
}

// lines returns the latest lines of a log if it is followed.
func (fs *feeds) lines(app string) (followed bool, lines []logLine) {
	fs.mu.Lock()
	f := fs.byApp[app]
	fs.mu.Unlock()
	if f == nil {
		return false, nil
	}
	lines, _, _, _ = f.after(-1)
	return len(lines) > 0, lines[max(len(lines)-linesSeen, 0):]
}

// streamLog sends a log as server-sent events: the latest lines, then each new one. An error is sent as an event, too, and
// ends the stream. The browser then reconnects, which it would not do after a status other than 200.
func (d *dashboard) streamLog(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	defer context.AfterFunc(d.closing, cancel)()

	connection := http.NewResponseController(w)
	defer connection.SetWriteDeadline(time.Time{}) // the browser may reuse the connection
	send := func(event string, data any) error {
		body, err := json.Marshal(data) // escapes line ends, which would end the event
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, body)
		return nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "retry: %d\n\n", reconnect.Milliseconds())
	if connection.Flush() != nil {
		return
	}
	f, leave := d.feeds.join(r.PathValue("app"))
	defer leave()
	for next := -1; ; {
		lines, after, more, err := f.after(next)
		next = after
		connection.SetWriteDeadline(time.Now().Add(slowBrowser))
		for _, line := range lines {
			if send("line", line) != nil {
				return
			}
		}
		if err != nil {
			a := explain(err, r.PathValue("app"))
			send("problem", a.What+" "+a.Detail)
		}
		if connection.Flush() != nil || err != nil {
			return
		}
		select {
		case <-more:
		case <-ctx.Done(): // the browser left, the dashboard ends, or the stream is old enough
			return
		}
	}
}
