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
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
)

// A logLine is a line of a log in its parts. The time and the source are empty where a line has none.
type logLine struct {
	Time   string `json:"time"`  // of the day
	Exact  string `json:"exact"` // with the date
	Source string `json:"source"`
	Text   string `json:"text"`
}

var (
	// What the loggers of both versions write: time, app or "deis", process or pod.
	lineForm = regexp.MustCompile(`^(\S+) (\S+?)\[([^\]\s]*)\]: (.*)$`)
	// Colours for terminals.
	colours = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

func parseLine(line string) logLine {
	line = strings.TrimRight(colours.ReplaceAllString(line, ""), "\r\n")
	parts := lineForm.FindStringSubmatch(line)
	if parts == nil {
		return logLine{Text: line}
	}
	var at deis.Time
	if err := at.UnmarshalJSON([]byte(strconv.Quote(parts[1]))); err != nil || at.IsZero() {
		return logLine{Text: line}
	}
	app, source := parts[2], parts[3]
	if app == "deis" {
		source = "deis"
	}
	return logLine{
		Time:   at.Format(time.TimeOnly),
		Exact:  at.Format("2 January 2006, 15:04:05 UTC"),
		Source: strings.TrimPrefix(source, app+"-"),
		Text:   parts[4],
	}
}

const (
	comeBack    = 3 * time.Second  // how long a browser waits before it asks for a broken stream again
	streamLife  = 10 * time.Minute // then it comes back as well: a question that hangs must not be the last
	slowBrowser = 15 * time.Second // how long one may take to read a line
)

// streamLog sends a log as server-sent events: the last lines, then each as it comes. What goes wrong is an event too,
// and the end; the browser comes back by itself, and would not after any status but 200.
func (d *dashboard) streamLog(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	defer context.AfterFunc(d.closing, cancel)()

	connection := http.NewResponseController(w)
	defer connection.SetWriteDeadline(time.Time{}) // the browser may use the connection again
	send := func(event string, data any) error {
		body, err := json.Marshal(data) // in which no line end is left that would end the event
		if err != nil {
			return err
		}
		connection.SetWriteDeadline(time.Now().Add(slowBrowser))
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, body)
		return connection.Flush()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "retry: %d\n\n", comeBack.Milliseconds())
	if connection.Flush() != nil {
		return
	}
	options := apps.FollowOptions{Lines: linesSeen, Interval: d.ask}
	for line, err := range d.client.Apps.Follow(ctx, r.PathValue("app"), options) {
		switch {
		case ctx.Err() != nil: // the browser left, the dashboard ends, or it is time for another stream
			return
		case errors.Is(err, apps.ErrGap):
			err = send("line", logLine{Text: "… some lines were missed …"})
		case err != nil:
			send("problem", err.Error())
			return
		default:
			err = send("line", parseLine(line))
		}
		if err != nil {
			return
		}
	}
}
