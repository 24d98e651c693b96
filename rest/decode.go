package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
)

const (
	maxBody = 32 << 20 // what is read of a response at most: some 70,000 apps in one page
	maxHeap = 80 << 20 // what the values in a response may take in memory at most

	freeHeap     = 1 << 20 // what the items of any list may take, however small it is
	heapPerByte  = 9       // what a larger response may take for each of its bytes
	heapPerChild = 256     // what a map, a list or a pointer takes at least

	// These are about estimates, which are up to three times too high.
	freeValues       = 16 << 20  // what the values in any response may take, however small it is
	maxItemValues    = 160 << 20 // what those in all items of a list may take
	itemValuesOfByte = 30        // what they may take for each byte; real items take up to 21

	// What the parts of JSON take at most when they are read, whatever the types are (measured: a list takes more than
	// twice its size while it grows).
	heapPerQuote   = 50  // a text, for each of its two quotes
	heapPerComma   = 48  // an element of a list
	heapPerBracket = 32  // a list
	heapPerBrace   = 256 // a map with an entry

	maxPooled = 1 << 20 // the size of the largest buffer that is kept for later calls
)

// errCutOff marks a body that is not complete.
var errCutOff = errors.New("the response was cut off")

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decode reads the body of a response that may be a success into out.
func (c *call) decode(resp *http.Response, from sender, out any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxPooled {
			buf.Reset()
			buffers.Put(buf)
		}
	}()
	if err := c.readBody(buf, resp); err != nil {
		return err
	}
	body := bytes.TrimSpace(buf.Bytes())
	raw, isRaw := out.(*[]byte)
	_, isNothing := out.(*struct{})
	_, mayBeEmpty := out.(interface{ MayBeEmpty() })
	switch {
	case len(body) > 0 && (!isRaw && body[0] == '<' || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")):
		return fmt.Errorf("the response is HTML: %s", shorten(c.redactor().text(heading(body)))) // perhaps a sign-in page
	case isRaw:
		*raw = bytes.Clone(buf.Bytes())
		return nil
	case isNothing && from == unknown && len(body) > 0 && (string(body) != "{}" || c.method == http.MethodDelete):
		return fmt.Errorf("the response should be empty: %s", outline(body))
	case isNothing && len(body) > 0 && !json.Valid(body):
		return errors.New("the response is not JSON")
	case isNothing:
		return nil
	case len(body) == 0 && mayBeEmpty:
		return nil
	case len(body) == 0 || string(body) == "null":
		return errors.New("the response is empty")
	}
	if err := unmarshal(body, out, c.at); err != nil {
		return fmt.Errorf("%w: %s", err, outline(body))
	}
	return nil
}

// outline describes a body that is not what was asked for: it lists the names in it, but no values, which can be
// secrets.
func outline(body []byte) string {
	var object map[string]json.RawMessage
	switch {
	case body[0] == '[':
		return "found a list"
	case json.Unmarshal(body, &object) != nil:
		return fmt.Sprintf("found neither a list nor an object in %d bytes", len(body))
	}
	return shorten("found an object with " + cmp.Or(Sanitize(strings.Join(slices.Sorted(maps.Keys(object)), ", ")), "no fields"))
}

// readBody reads a body to its end.
func (c *call) readBody(buf *bytes.Buffer, resp *http.Response) error {
	c.limit = io.LimitedReader{R: resp.Body, N: maxBody + 1}
	if n := resp.ContentLength; 0 < n && n <= maxPooled {
		buf.Grow(int(n) + bytes.MinRead) // with MinRead more, ReadFrom sees the end without growing again
	}
	if _, err := buf.ReadFrom(&c.limit); err != nil {
		return fmt.Errorf("%w: %w", errCutOff, err)
	}
	if buf.Len() > maxBody {
		return fmt.Errorf("the response is larger than %d MiB", maxBody>>20)
	}
	return nil
}

// readErrorBody reads what an error keeps of a body, and a little more for the redactor. If the body is cut off, its
// beginning is still worth reading.
func readErrorBody(resp *http.Response, r redactor) []byte {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, int64(r.readAtMost()))) //nolint:errcheck // the status says that the call failed
	return body
}

// discard reads the rest of a body if it is short, so that the connection can be reused.
func discard(body io.Reader) {
	io.CopyN(io.Discard, body, maxErrorBody) //nolint:errcheck // if it fails, the connection is closed instead
}

// unmarshal decodes a body and checks that it is what was asked for.
func unmarshal(body []byte, out any, at Endpoint) error {
	if list, ok := out.(interface{ read([]byte, Endpoint) error }); ok {
		return list.read(body, at)
	}
	own, isOwn := out.(json.Unmarshaler) // json.RawMessage is a slice, too
	if v := reflect.ValueOf(out).Elem(); !isOwn && v.Kind() == reflect.Slice {
		d := json.NewDecoder(bytes.NewReader(body))
		return cmp.Or(readItems(d, body, v, at), expectEnd(d))
	}
	if hasTooManyValues(body, min(maxHeap, max(freeValues, heapPerByte*len(body)))) {
		return errors.New("the response has too many values")
	}
	var err error
	s := shapeOf(reflect.TypeOf(out).Elem())
	if isOwn && json.Valid(body) {
		err = own.UnmarshalJSON(body) // json.Unmarshal would do the same, after scanning everything once more
	} else {
		err = s.decode(body, out)
	}
	if err != nil {
		return fmt.Errorf("the response cannot be read: %w", err)
	}
	return s.check(reflect.ValueOf(out).Elem(), at, true)
}

// hasTooManyValues reports whether the values in JSON can take more than a limit. Most JSON is too short for that.
func hasTooManyValues(body []byte, limit int) bool {
	return heapWithTexts(body) > limit && heapOfValues(body) > limit
}

// heapOfValues estimates the memory that the values in JSON take, whatever their types.
func heapOfValues(body []byte) int {
	heap, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case b == '"':
			heap += heapPerQuote
			inText = !inText
		case inText && b == '\\':
			i++
		case inText:
		case b == ',':
			heap += heapPerComma
		case b == '[':
			heap += heapPerBracket
		case b == '{':
			heap += heapPerBrace
		}
	}
	return heap
}

// heapWithTexts is heapOfValues, but it counts what is in texts, too. It is much faster.
func heapWithTexts(body []byte) int {
	count := func(char string) int { return bytes.Count(body, []byte(char)) }
	return heapPerQuote*count(`"`) + heapPerComma*count(",") + heapPerBracket*count("[") + heapPerBrace*count("{")
}

// readItems reads a JSON array into a slice, item by item, so that it fails at the first bad item, and a few bytes
// cannot become gigabytes.
func readItems(d *json.Decoder, body []byte, items reflect.Value, at Endpoint) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	element := items.Type().Elem()
	s, cost := shapeOf(element), heapOf(element)
	isLarge, heap := heapWithTexts(body) > freeValues, 0
	items.Set(reflect.MakeSlice(items.Type(), 0, 0))
	for n := 0; d.More(); n++ {
		if taken := (n + 1) * cost; taken > maxHeap || taken > freeHeap && int64(taken) > heapPerByte*d.InputOffset() {
			return fmt.Errorf("the response has too many items for its size, more than %d", n)
		}
		if n == items.Cap() {
			items.Grow(growth(n))
		}
		items.SetLen(n + 1)
		item, begin := items.Index(n), d.InputOffset()
		if isLarge { // a single item could be most of it
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return fmt.Errorf("the response is not JSON: %w", err)
			}
			own := heapOfValues(raw)
			if own > freeValues {
				return fmt.Errorf("item %d of the response has too many values", n+1)
			}
			if heap += own; heap > min(maxItemValues, max(freeValues, itemValuesOfByte*int(d.InputOffset()))) {
				return fmt.Errorf("the response has too many items for its size, more than %d", n)
			}
		}
		var err error
		if isLarge {
			err = s.decode(bytes.TrimLeft(body[begin:d.InputOffset()], ", \t\r\n"), item.Addr().Interface())
		} else if err = d.Decode(item.Addr().Interface()); isMismatch(err) {
			err = s.decode(bytes.TrimLeft(body[begin:d.InputOffset()], ", \t\r\n"), item.Addr().Interface())
		}
		if err != nil && !json.Valid(body) { // Go versions differ in whether More or Decode notices it
			return fmt.Errorf("the response is not JSON: %w", err)
		}
		if err != nil {
			return fmt.Errorf("item %d of the response cannot be read: %w", n+1, err)
		}
		if err := s.check(item, at, false); err != nil {
			return fmt.Errorf("item %d of %w", n+1, err)
		}
	}
	return expect(d, json.Delim(']'))
}

// growth returns for how many more items to make room after n: as many again, or a quarter in a large list.
func growth(n int) int {
	const large = 1000
	if n < large {
		return max(n, 8)
	}
	return n / 4
}

// expect reads a token, which must be the given one.
func expect(d *json.Decoder, want json.Token) error {
	got, err := d.Token()
	switch {
	case err != nil:
		return fmt.Errorf("the response is not JSON: %w", err)
	case got != want:
		return errors.New("the response is not a list")
	}
	return nil
}

// expectEnd returns an error if anything follows the value.
func expectEnd(d *json.Decoder) error {
	if _, err := d.Token(); err != io.EOF {
		return errors.New("the response is not JSON: more data follows its end")
	}
	return nil
}

// heapOf estimates the least memory that a value of a type takes, including what its fields point to.
func heapOf(t reflect.Type) int {
	size := int(t.Size())
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			switch t.Field(i).Type.Kind() {
			case reflect.Map, reflect.Slice, reflect.Pointer, reflect.Interface:
				size += heapPerChild
			}
		}
	}
	return size
}
