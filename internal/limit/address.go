package limit

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Address is where the store is, and how it is spoken to.
type Address struct {
	URL     string // as the client library takes it: redis, or rediss with TLS
	Cluster bool   // it is a cluster; each client's limit is in one of its slots
	IAM     string // name of the ElastiCache cache that is entered with a token of IAM's; "": not so
	User    string
}

// ReadAddress reads a store's URL. Its scheme is redis, valkey, or rediss and valkeys for TLS. ?cluster=true says that
// the store is a cluster, and &iam=CACHE that its user enters with IAM, which ElastiCache has with TLS alone. The error
// does not show the URL, as a password may be in it.
func ReadAddress(text string) (Address, error) {
	if rest, is := strings.CutPrefix(text, "valkey"); is { // the scheme alone: a host may be called so, too
		text = "redis" + rest
	}
	u, err := url.Parse(text)
	if err != nil {
		return Address{}, errors.New("the URL of the rate limits' store can't be read")
	}
	query := u.Query()
	a := Address{IAM: query.Get("iam"), User: u.User.Username()}
	switch cluster := query.Get("cluster"); cluster {
	case "true":
		a.Cluster = true
	case "", "false":
	default:
		return Address{}, fmt.Errorf("the rate limits' store: cluster must be true or false, is %q", cluster)
	}
	if a.IAM != "" && (u.Scheme != "rediss" || a.User == "") {
		return Address{}, errors.New("the rate limits' store: iam needs TLS and a user, as in valkeys://USER@HOST?iam=CACHE")
	}
	query.Del("cluster")
	query.Del("iam")
	u.RawQuery = query.Encode()
	a.URL = u.String()
	return a, nil
}
