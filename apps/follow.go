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

// FollowOptions say how to follow a log.
type FollowOptions struct {
	Lines    int           // how many lines to ask for at a time, from 1; 100 if it is 0
	Interval time.Duration // how often to ask while lines come; a second if it is 0
}

const (
	defaultLines    = 100 // as the Controllers have it
	defaultInterval = time.Second
	slowest         = 8 // how many intervals may pass between two questions while nothing comes
)

// ErrGap says that lines were missed: more came between two questions than Lines, or the Controller's logger began
// anew. Match it with errors.Is.
var ErrGap = errors.New("deis: lines of the log were missed")

// Follow ranges over the lines of an app's log, without their line ends: the last ones first, then each as it comes,
// none twice. The API only offers the last lines of a log, so Follow asks again and again, and more seldom while
// nothing comes.
//
// The range ends with the context, whose error it yields, or when a question fails. An ErrGap does not end it: the
// lines after the gap follow, unless the loop breaks. Where an app writes the same line again and again, without a
// time in it, Follow cannot tell how many of them are new.
func (s *Service) Follow(ctx context.Context, id string, o FollowOptions, opts ...rest.CallOption) iter.Seq2[string, error] {
	opts = slices.Clone(opts)
	o.Lines, o.Interval = cmp.Or(o.Lines, defaultLines), cmp.Or(o.Interval, defaultInterval)
	return func(yield func(string, error) bool) {
		if err := o.check(); err != nil {
			yield("", err)
			return
		}
		wait := time.NewTimer(0)
		defer wait.Stop()
		var seen []string
		for pause := o.Interval; ; {
			select {
			case <-wait.C:
			case <-ctx.Done():
				yield("", fmt.Errorf("deis: following the log of app %s: %w", id, ctx.Err()))
				return
			}
			text, err := s.Logs(ctx, id, LogOptions{Lines: o.Lines}, opts...)
			if err != nil {
				yield("", err)
				return
			}
			lines := splitLines(text)
			fresh, gap := newLines(seen, lines, o.Lines)
			if gap && !yield("", fmt.Errorf("%w: app %s", ErrGap, id)) {
				return
			}
			for _, line := range fresh {
				if !yield(line, nil) {
					return
				}
			}
			if len(fresh) > 0 {
				seen, pause = lines, o.Interval
			} else {
				pause = min(2*pause, slowest*o.Interval)
			}
			wait.Reset(pause)
		}
	}
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
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// newLines returns the lines of a window on a log that come after those of an earlier one, and whether some are
// missing between the two. A window has the last lines of the log, at most asked of them.
func newLines(seen, lines []string, asked int) (fresh []string, gap bool) {
	if len(lines) < asked && len(lines) >= len(seen) && slices.Equal(seen, lines[:len(seen)]) {
		return lines[len(seen):], false // both windows have the whole log
	}
	for overlap := min(len(seen), len(lines)); overlap > 0; overlap-- {
		if slices.Equal(seen[len(seen)-overlap:], lines[:overlap]) {
			return lines[overlap:], false
		}
	}
	return lines, len(seen) > 0 && len(lines) > 0
}
