package apps

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/deisgo/deis/rest"
)

// LogOptions say how much of a log to read.
type LogOptions struct {
	Lines int `url:"log_lines,omitempty"` // the last so many lines, from 1; 0 leaves it to the Controller, which takes 100
}

// Logs returns the last lines of an app's log, of the Controller and of its processes, as plain text; none is "". A
// 2.x Controller whose logger is down responds with 500, rest.ErrServer.
//
// Real Controllers write a log in different ways, which all come out the same: v1.6 as a JSON string, 2.2 as a Python
// bytes literal, newer ones as it is. What is not UTF-8 in it becomes U+FFFD.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{id}/logs/
func (s *Service) Logs(ctx context.Context, id string, o LogOptions, opts ...rest.CallOption) (string, error) {
	if o.Lines < 0 {
		return "", rest.InvalidArgument("Lines", "must not be negative")
	}
	opts = append([]rest.CallOption{rest.WithQuery(o)}, opts...) // first, so that a caller's own query takes its place
	body, err := rest.Get[[]byte](ctx, s.client, rest.Path("apps", id, "logs"), opts...)
	if err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(plainLog(*body)), "\uFFFD"), nil
}

// plainLog takes off what a Controller put around a log. A log that only looks like one of the forms is left as it is.
func plainLog(body []byte) []byte {
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '"' {
		var text string
		if json.Unmarshal(trimmed, &text) == nil {
			return []byte(text)
		}
	}
	if plain, ok := unquotePython(bytes.TrimSpace(body)); ok {
		return plain
	}
	return body
}

// unquotePython reads a bytes literal as Python prints it: b'…' or b"…", with the escapes of repr.
func unquotePython(literal []byte) ([]byte, bool) {
	if len(literal) < 3 || literal[0] != 'b' || literal[1] != '\'' && literal[1] != '"' || literal[len(literal)-1] != literal[1] {
		return nil, false
	}
	quote, text := literal[1], literal[2:len(literal)-1]
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == quote: // the literal would have ended here
			return nil, false
		case text[i] != '\\':
			plain = append(plain, text[i])
			continue
		}
		i++
		if i == len(text) {
			return nil, false
		}
		switch text[i] {
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		case 't':
			plain = append(plain, '\t')
		case '\\', '\'', '"':
			plain = append(plain, text[i])
		case 'x':
			if i+3 > len(text) {
				return nil, false
			}
			value, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8)
			if err != nil {
				return nil, false
			}
			plain = append(plain, byte(value))
			i += 2
		default:
			return nil, false
		}
	}
	return plain, true
}
