package rest

import (
	"bytes"
	"errors"
	"time"
)

// A Time is a time as Controllers write it: 2014-01-01T00:00:00UTC, 2014-01-01T00:00:00Z, with fractions of a second,
// or without a zone (a new certificate's expiry in v1.6), which means UTC. It is always in UTC, and zero if the
// response has null or no value.
type Time struct{ time.Time }

// UnmarshalJSON reads every form that the documents and real Controllers use.
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
	parsed, err := time.Parse(time.RFC3339, string(text)+zone) // for which Parse has a fast path; it accepts a fraction too
	if err != nil {
		return errors.New("the text is not a time") // it is not quoted: it could be a secret
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
