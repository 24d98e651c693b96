package apps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/rest"
)

// FollowOptions configure Follow.
type FollowOptions struct {
	Lines    int           // how many lines to request at a time, from 1; 0 means 100
	Interval time.Duration // the pause between two requests while new lines arrive; 0 means one second
}

const (
	defaultLines    = 100 // the default of 2.x Controllers
	defaultInterval = time.Second
)

// ErrGap means that lines may have been missed: FollowOptions.Lines or more were written between two requests, or the
// Controller's logger restarted. Match it with errors.Is.
var ErrGap = errors.New("deis: lines of the log may have been missed")

// Follow ranges over the lines of an app's log, without their line endings: the last lines first, then each new line,
// and no line twice. The API only offers the last lines of a log, so Follow polls. While no new lines arrive, the pause
// between two requests grows from Interval to 5 seconds.
//
// The range ends when the context ends or a request fails permanently, and yields that error. A request that fails
// because the Controller or its logger is down or busy, or because something else responds, is repeated; see rest.Poll.
// ErrGap does not end the range: unless the loop breaks, the lines after the gap follow. If an app writes the same line
// repeatedly, without a time in it, Follow cannot know how many of them are new.
func (s *Service) Follow(ctx context.Context, id string, o FollowOptions, opts ...rest.CallOption) iter.Seq2[string, error] {
	opts = slices.Clone(opts)
	o.Lines, o.Interval = cmp.Or(o.Lines, defaultLines), cmp.Or(o.Interval, defaultInterval)
	return func(yield func(string, error) bool) {
		if err := o.check(); err != nil {
			yield("", err)
			return
		}
		var seen []string
		for polled := false; ; polled = true {
			fresh, gap, err := s.newLines(ctx, id, o, &seen, polled, opts)
			if err != nil {
				if ctx.Err() != nil {
					err = fmt.Errorf("deis: following the log of app %s: %w", id, err)
				}
				yield("", err)
				return
			}
			if gap && !yield("", fmt.Errorf("%w: app %s", ErrGap, id)) {
				return
			}
			for _, line := range fresh {
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}

// newLines polls until the log has lines that were not seen before. polled reports whether it was polled already: then a
// full window on a log that was empty has lines missing before it.
func (s *Service) newLines(ctx context.Context, id string, o FollowOptions, seen *[]string, polled bool, opts []rest.CallOption) (fresh []string, gap bool, err error) {
	if polled {
		select {
		case <-time.After(o.Interval):
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	err = rest.Poll(ctx, o.Interval, func(ctx context.Context) (bool, error) {
		text, err := s.Logs(ctx, id, LogOptions{Lines: o.Lines}, opts...)
		if err != nil {
			return false, err
		}
		lines := splitLines(text)
		fresh, gap = compareWindows(*seen, lines, o.Lines)
		gap = gap || polled && len(*seen) == 0 && len(lines) >= o.Lines
		polled = true
		if len(fresh) > 0 {
			*seen = lines
		}
		return len(fresh) > 0, nil
	})
	return fresh, gap, err
}

func (o FollowOptions) check() error {
	switch {
	case o.Lines < 0:
		return rest.InvalidArgument("Lines", "must not be negative")
	case o.Interval < 0:
		return rest.InvalidArgument("Interval", "must not be negative")
	}
	return nil
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// compareWindows returns the lines of a window on a log that come after those of an earlier window, and whether lines
// are missing between the two. A window has the last lines of the log, at most as many as requested.
func compareWindows(seen, lines []string, requested int) (fresh []string, gap bool) {
	if len(lines) < requested && len(lines) >= len(seen) && slices.Equal(seen, lines[:len(seen)]) {
		return lines[len(seen):], false // both windows have the whole log
	}
	for overlap := min(len(seen), len(lines)); overlap > 0; overlap-- {
		if slices.Equal(seen[len(seen)-overlap:], lines[:overlap]) {
			return lines[overlap:], false
		}
	}
	return lines, len(seen) > 0 && len(lines) > 0
}
