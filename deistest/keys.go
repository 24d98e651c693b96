package deistest

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// A key is a user's SSH key. If two of a user's keys have the same id, neither can be read or deleted.
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

// keyJSON2 is a key in API 2.x: the same fields in another order.
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

// listKeys lists the user's own keys, in API 2.x by their text.
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
		id: s.text("id", keyIDField), public: s.text("public", publicField)}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	k.fingerprint, _ = q.fingerprint(k.public)
	if slices.ContainsFunc(q.keys, func(other *key) bool {
		return other.owner == k.owner && other.fingerprint == k.fingerprint
	}) {
		return q.crash() // the database refuses the same key with another comment
	}
	q.keys = append(q.keys, k)
	return created(q.keyJSON(k))
}

// myKey returns the key that the path names, of the user's own.
func (q *request) myKey() (*key, *response) {
	var found []*key
	for _, k := range q.keys {
		if k.owner == q.user && k.id == q.vars["key"] {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return nil, q.notFound("Key")
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
