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
	Lines    int           // how many lines to request at a time, from 1; 100 if it is 0
	Interval time.Duration // how often to look while lines come; a second if it is 0
}

const (
	defaultLines    = 100 // as the Controllers have it
	defaultInterval = time.Second
)

// ErrGap says that lines were missed: more came between two looks than Lines, or the Controller's logger began anew.
// Match it with errors.Is.
var ErrGap = errors.New("deis: lines of the log were missed")

// Follow ranges over the lines of an app's log, without their line ends: the last ones first, then each as it comes,
// none twice. The API only offers the last lines of a log, so Follow looks again and again, and more seldom while
// nothing comes: at most every 5 seconds.
//
// The range ends with the context, whose error it yields, or when a look fails for good. A look that says nothing about
// the log, because the Controller or its logger is down or busy or something else responds, is made again; see
// rest.Poll. An ErrGap does not end the range: the lines after the gap follow, unless the loop breaks. Where an app writes
// the same line again and again, without a time in it, Follow cannot know how many of them are new.
func (s *Service) Follow(ctx context.Context, id string, o FollowOptions, opts ...rest.CallOption) iter.Seq2[string, error] {
	opts = slices.Clone(opts)
	o.Lines, o.Interval = cmp.Or(o.Lines, defaultLines), cmp.Or(o.Interval, defaultInterval)
	return func(yield func(string, error) bool) {
		if err := o.check(); err != nil {
			yield("", err)
			return
		}
		var seen []string
		for looked := false; ; looked = true {
			fresh, gap, err := s.newLines(ctx, id, o, &seen, looked, opts)
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

// newLines looks until there are lines that were not seen before. Before the first look there are none to compare with;
// after it, a full window on a log that was empty has lines missing before it.
func (s *Service) newLines(ctx context.Context, id string, o FollowOptions, seen *[]string, looked bool, opts []rest.CallOption) (fresh []string, gap bool, err error) {
	if looked {
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
		gap = gap || looked && len(*seen) == 0 && len(lines) >= o.Lines
		looked = true
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

// compareWindows returns the lines of a window on a log that come after those of an earlier one, and whether some are
// missing between the two. A window has the last lines of the log, at most asked of them.
func compareWindows(seen, lines []string, asked int) (fresh []string, gap bool) {
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
