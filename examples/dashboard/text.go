package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// This file turns values into text for people.

// visible escapes hidden characters: control and bidi characters, and line separators. So text cannot look like something
// that it is not.
func visible(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, isHidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !isHidden(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func isHidden(r rune) bool {
	return r != '\t' && r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\uFEFF')
}

// A moment is a time for people: how long ago it was, and when exactly.
type moment struct{ Ago, Exact, Machine string }

func when(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Ago: ago(time.Since(t)), Exact: t.UTC().Format("2 January 2006, 15:04:05 UTC"), Machine: t.UTC().Format(time.RFC3339)}
}

func ago(d time.Duration) string {
	if d < 10*time.Second {
		return "just now"
	}
	return duration(d) + " ago"
}

// duration returns a duration in its largest unit.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < day:
		return count(int(d/time.Hour), "hour")
	case d < 60*day:
		return count(int(d/day), "day")
	case d < 730*day:
		return count(int(d/(30*day)), "month")
	}
	return count(int(d/(365*day)), "year")
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
