package rest

import (
	"bytes"
	"errors"
	"time"
)

// A Time is a moment as the Controllers print it: 2014-01-01T00:00:00UTC, 2014-01-01T00:00:00Z, with fractions of a
// second, or without any zone (a new certificate's expiry in v1.6), which is UTC. It is always in UTC, and zero when
// the Controller says null or leaves it out.
type Time struct{ time.Time }

// UnmarshalJSON reads every form that the documents and real Controllers have.
func (t *Time) UnmarshalJSON(data []byte) error {
	if bytes.HasSuffix(data, []byte(`Z"`)) && t.Time.UnmarshalJSON(data) == nil {
		return nil // the usual form, without a copy
	}
	text := bytes.Trim(data, `"`)
	if string(data) == "null" || len(text) == 0 {
		*t = Time{}
		return nil
	}
	zone := "Z"
	switch {
	case bytes.HasSuffix(text, []byte("UTC")):
		text = text[:len(text)-len("UTC")]
	case len(text) > len("2006-01-02T15:04:05") && bytes.ContainsAny(text[len("2006-01-02"):], "+-"):
		zone = ""
	}
	parsed, err := time.Parse(time.RFC3339, string(text)+zone) // which Parse knows by heart; it accepts a fraction, too
	if err != nil {
		return errors.New("the text is not a time") // what came is quoted with the response, without secrets
	}
	t.Time = parsed.UTC()
	return nil
}

// MarshalJSON writes RFC 3339 in UTC, and null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().MarshalJSON()
}
