package rest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// readErrorText reads what an error response says, in any form: {"detail": s}, {"error": s}, {"field": [s]}, [s], a
// bare JSON string, HTML, plain text or nothing.
func readErrorText(body []byte) (detail string, fields map[string][]string) {
	body = bytes.TrimSpace(body)
	var value any
	switch {
	case len(body) == 0:
		return "", nil
	case body[0] == '<':
		return heading(body), nil
	case json.Unmarshal(body, &value) != nil:
		return Sanitize(string(body)), nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return strings.Join(texts(value), " "), nil
	}
	for _, key := range slices.Sorted(maps.Keys(object)) { // so that the detail is always the same
		value := object[key]
		if key == "detail" || key == "error" {
			detail = strings.TrimSpace(detail + " " + strings.Join(texts(value), " "))
			continue
		}
		if fields == nil {
			fields = make(map[string][]string, len(object))
		}
		fields[key] = texts(value)
	}
	return detail, fields
}

// texts returns the strings in a JSON value; a value that is neither a string nor a list stays JSON.
func texts(value any) []string {
	switch value := value.(type) {
	case nil:
		return nil
	case string:
		return []string{Sanitize(value)}
	case []any:
		var all []string
		for _, v := range value {
			all = append(all, texts(v)...)
		}
		return all
	}
	raw, err := json.Marshal(value)
	if err != nil { // cannot happen: the value was JSON
		return nil
	}
	return []string{Sanitize(string(raw))}
}

// heading returns the line of an HTML page that says what it is about: its title or, without one, its first heading.
func heading(page []byte) string {
	for _, tag := range []string{"title", "h1"} {
		_, rest, _ := bytes.Cut(page, []byte("<"+tag))
		_, rest, _ = bytes.Cut(rest, []byte(">"))
		text, _, _ := bytes.Cut(rest, []byte("<"))
		if line := Sanitize(string(text)); line != "" {
			return line
		}
	}
	return "an HTML page"
}

// Sanitize makes a server's text fit into one line of an error, an event or a log: valid UTF-8 without control and bidi
// characters. Every run of those and of whitespace becomes one space.
func Sanitize(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}

// shorten cuts a long text, so that a message stays readable.
func shorten(s string) string {
	const longest = 500
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}
