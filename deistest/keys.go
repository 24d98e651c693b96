package deistest

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A key is a user's SSH key. Two may have the same id, which then finds neither.
type key struct {
	uuid, id, public, fingerprint string
	owner                         *user
	created                       time.Time
}

// keyJSON1 is a key in API 1.6.
type keyJSON1 struct {
	UUID        string `json:"uuid"`
	Owner       string `json:"owner"`
	Fingerprint string `json:"fingerprint"`
	Created     string `json:"created"`
	Updated     string `json:"updated"`
	ID          string `json:"id"`
	Public      string `json:"public"`
}

// keyJSON2 is a key in API 2.2: the same in another order.
type keyJSON2 struct {
	UUID        string `json:"uuid"`
	Owner       string `json:"owner"`
	Created     string `json:"created"`
	Updated     string `json:"updated"`
	ID          string `json:"id"`
	Public      string `json:"public"`
	Fingerprint string `json:"fingerprint"`
}

func (q *request) keyJSON(k *key) any {
	at := q.stamp(k.created)
	if q.v2() {
		return keyJSON2{k.uuid, k.owner.username, at, at, k.id, k.public, k.fingerprint}
	}
	return keyJSON1{k.uuid, k.owner.username, k.fingerprint, at, at, k.id, k.public}
}

// listKeys shows the user's own keys, in API 2.2 by their text.
func listKeys(q *request) *response {
	var list []*key
	for _, k := range q.keys {
		if k.owner == q.user {
			list = append(list, k)
		}
	}
	if q.v2() {
		slices.SortStableFunc(list, func(a, b *key) int { return cmp.Compare(a.public, b.public) })
	}
	return page(q, list, q.keyJSON)
}

func createKey(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	k := &key{uuid: newUUID(), owner: q.user, created: now(),
		id: s.required("id", 128), public: s.required("public", 1<<20)}
	taken := "This field must be unique."
	if q.v2() {
		taken = "Public Key is already in use"
	}
	var problem string
	if slices.ContainsFunc(q.keys, func(other *key) bool { return other.public == k.public }) {
		s.fail("public", taken)
	} else if k.fingerprint, problem = q.fingerprint(k.public); problem != "" && len(s.errors["public"]) == 0 {
		s.fail("public", problem)
	}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if slices.ContainsFunc(q.keys, func(other *key) bool { return other.fingerprint == k.fingerprint }) {
		return q.crash() // the same key with another comment: the database refuses it
	}
	q.keys = append(q.keys, k)
	return created(q.keyJSON(k))
}

// fingerprint is the MD5 of the key's second word, decoded as Python does it: what is no Base64 is skipped.
func (q *request) fingerprint(public string) (sum, problem string) {
	words := strings.Fields(public)
	problem = "list index out of range"
	if len(words) > 1 {
		problem = "Incorrect padding"
		digits := strings.Map(func(r rune) rune {
			if strings.ContainsRune("+/", r) || r != '-' && inLabel(r) {
				return r
			}
			return -1
		}, words[1])
		padded := digits + strings.Repeat("=", min(strings.Count(words[1], "="), (4-len(digits)%4)%4))
		if decoded, err := base64.StdEncoding.DecodeString(padded); err == nil {
			return strings.ReplaceAll(fmt.Sprintf("% x", md5.Sum(decoded)), " ", ":"), ""
		}
	}
	if q.v2() {
		problem = "Key contains invalid base64 chars"
	}
	return "", problem
}

// myKey finds the key that the path names among the user's own.
func (q *request) myKey() (*key, *response) {
	var found []*key
	for _, k := range q.keys {
		if k.owner == q.user && k.id == q.vars["key"] {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return nil, q.notFound()
	case 1:
		return found[0], nil
	}
	return nil, q.crash()
}

func getKey(q *request) *response {
	k, stop := q.myKey()
	if stop != nil {
		return stop
	}
	return ok(q.keyJSON(k))
}

func deleteKey(q *request) *response {
	k, stop := q.myKey()
	if stop != nil {
		return stop
	}
	q.keys = slices.DeleteFunc(q.keys, func(other *key) bool { return other == k })
	return empty(http.StatusNoContent)
}
