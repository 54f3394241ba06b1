package settings

import (
	"net/url"
	"strings"
)

// Keys says whose data is encrypted, and where the keys are. The zero Keys is nobody's.
type Keys struct {
	Types []string // patterns of event types
	URL   string   // of the key store; "": there is none
}

func (r *reader) keys() Keys {
	k := Keys{
		Types: r.list("SHREDDED_TYPES", "", "event types whose data is encrypted with a key of their subject, with commas "+
			"between; `order.*` is all that begin so"),
		URL: r.text("SUBJECT_KEYS", "", "where the keys of subjects are: `file:///DIRECTORY`, `dynamodb://TABLE`, or "+
			"`dynamodb://TABLE?kms=KEY`, wrapped by that key of AWS KMS"),
	}
	for _, pattern := range k.Types {
		if at := strings.IndexByte(pattern, '*'); at >= 0 && (at != len(pattern)-1 || !strings.HasSuffix(pattern, ".*")) ||
			strings.ContainsAny(pattern, " \t") {
			r.problem("SHREDDED_TYPES", pattern, "event types with commas between, such as order.created,customer.*")
		}
	}
	u, err := url.Parse(k.URL)
	switch {
	case k.URL == "" && len(k.Types) > 0:
		r.problem("SUBJECT_KEYS", "", "where the keys are, "+keyStores+", as SHREDDED_TYPES is set")
	case k.URL != "" && (err != nil || !isKeyStore(u)):
		r.problem("SUBJECT_KEYS", k.URL, keyStores)
	}
	return k
}

const keyStores = "file:///DIRECTORY, dynamodb://TABLE or dynamodb://TABLE?kms=KEY"

// isKeyStore refuses what it does not know: with a misspelt kms, keys would be stored as they are.
func isKeyStore(u *url.URL) bool {
	if u.Scheme == "file" {
		return u.Host == "" && len(u.Path) > 1 && u.Path[0] == '/' && u.RawQuery == ""
	}
	query, err := url.ParseQuery(u.RawQuery)
	kms := query["kms"]
	return u.Scheme == "dynamodb" && u.Host != "" && u.Path == "" && err == nil &&
		(len(query) == 0 && !u.ForceQuery || len(query) == 1 && len(kms) == 1 && kms[0] != "")
}
