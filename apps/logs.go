package apps

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/deisgo/deis/rest"
)

// LogOptions configure Logs.
type LogOptions struct {
	Lines int `url:"log_lines,omitempty"` // how many of the last lines to read, from 1; 0 means the Controller's default: 1,000 in v1.6, 100 in 2.x
}

// Logs returns the last lines of an app's log as plain text, those of the Controller and those of the app's processes.
// If there is no log, it returns "". A 2.x Controller whose logger is down responds with 500, rest.ErrServer.
//
// Logs reads every form in which real Controllers send a log: v1.6 as a JSON string, 2.2 as a Python bytes literal, 2.3
// as plain text. Bytes that are not UTF-8 become U+FFFD.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{id}/logs/
func (s *Service) Logs(ctx context.Context, id string, o LogOptions, opts ...rest.CallOption) (string, error) {
	if o.Lines < 0 {
		return "", rest.InvalidArgument("Lines", "must not be negative")
	}
	opts = append([]rest.CallOption{rest.WithQuery(o)}, opts...) // first, so that a caller's own query replaces it
	body, err := rest.Get[[]byte](ctx, s.client, rest.Path("apps", id, "logs"), opts...)
	if err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(plainLog(*body)), "\uFFFD"), nil
}

// plainLog unquotes a log. A log that only looks quoted is left unchanged.
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
