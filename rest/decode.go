package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxBody bounds what a call reads of an answer: some 300,000 apps in one page.
const maxBody = 64 << 20

// maxPooled bounds the buffers that are kept for later calls.
const maxPooled = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decode reads the body of a successful answer into out.
func decode(resp *http.Response, out any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxPooled {
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	if n := resp.ContentLength; 0 < n && n <= maxPooled {
		buf.Grow(int(n) + bytes.MinRead) // MinRead more lets ReadFrom see the end without growing again
	}
	if _, err := buf.ReadFrom(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	if buf.Len() > maxBody {
		return fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
	}
	body := buf.Bytes()
	raw, isRaw := out.(*[]byte)
	body = bytes.TrimSpace(body)
	switch {
	case len(body) > 0 && (!isRaw && body[0] == '<' || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")):
		return fmt.Errorf("the answer is HTML: %q", heading(body)) // of a sign-in page in front of the Controller, perhaps
	case isRaw:
		*raw = bytes.Clone(buf.Bytes())
		return nil
	}
	if _, ok := out.(*struct{}); ok {
		if len(body) > 0 && !json.Valid(body) {
			return fmt.Errorf("the answer is no JSON")
		}
		return nil
	}
	if len(body) == 0 || string(body) == "null" {
		return fmt.Errorf("the answer says nothing")
	}
	if err := unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	if answer, ok := out.(interface{ check() error }); ok {
		return answer.check()
	}
	return nil
}

// unmarshal is json.Unmarshal, which would read everything once more before it calls an UnmarshalJSON.
func unmarshal(data []byte, out any) error {
	if own, ok := out.(json.Unmarshaler); ok && json.Valid(data) {
		return own.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, out)
}

// discard reads the little that may be left of a body, so that the connection can be used again.
func discard(body io.Reader) {
	io.CopyN(io.Discard, body, maxErrorBody) //nolint:errcheck // if it fails the connection is closed, that is all
}
