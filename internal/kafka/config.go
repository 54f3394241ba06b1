// Package kafka is the one place that knows brokers, TLS, IAM and topics.
package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Auth is how a client proves to the brokers who it is.
type Auth string

// The ways to authenticate.
const (
	AuthNone Auth = "none" // no TLS, no authentication: brokers on a laptop
	AuthIAM  Auth = "iam"  // TLS and AWS_MSK_IAM: Amazon MSK
)

// Config is what every client of the brokers needs.
type Config struct {
	Brokers []string // host:port, at least one
	Auth    Auth
	// Credentials sign the IAM authentication. They are asked at every new connection, so rotating ones work.
	Credentials aws.CredentialsProvider
	ClientID    string // in the brokers' logs and quotas
}

// Validate joins everything that is wrong.
func (c Config) Validate() error {
	var problems []error
	if len(c.Brokers) == 0 {
		problems = append(problems, errors.New("no broker is given; name at least one as host:port"))
	}
	for _, b := range c.Brokers {
		host, port, err := net.SplitHostPort(b)
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || host == "" || e != nil || n == 0 {
			problems = append(problems, fmt.Errorf("broker %q is not host:port", b))
		}
	}
	switch c.Auth {
	case AuthNone:
	case AuthIAM:
		if c.Credentials == nil {
			problems = append(problems, errors.New("authentication by IAM needs AWS credentials"))
		}
	default:
		problems = append(problems, fmt.Errorf("authentication %q is not one of none, iam", c.Auth))
	}
	return errors.Join(problems...)
}

// ParseBrokers splits a comma-separated list and drops what is empty.
func ParseBrokers(list string) []string {
	var brokers []string
	for b := range strings.SplitSeq(list, ",") {
		if b = strings.TrimSpace(b); b != "" {
			brokers = append(brokers, b)
		}
	}
	return brokers
}

// ProducerConfig bounds what a producer holds and how long.
type ProducerConfig struct {
	// Timeout bounds the wait for Kafka's acknowledgement. 0 is DefaultTimeout.
	Timeout time.Duration
	// MaxBufferedRecords and MaxBufferedBytes bound what waits for Kafka; beyond it, an event is refused as never sent.
	// 0 is the default.
	MaxBufferedRecords int
	MaxBufferedBytes   int
	// Routes are the topics of events that do not go to a Publisher's own.
	Routes Routes
}

func (c ProducerConfig) withDefaults() ProducerConfig {
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.MaxBufferedRecords = cmp.Or(c.MaxBufferedRecords, defaultMaxBufferedRecords)
	c.MaxBufferedBytes = cmp.Or(c.MaxBufferedBytes, defaultMaxBufferedBytes)
	return c
}

// Defaults of ProducerConfig.
const (
	DefaultTimeout = 10 * time.Second
	// 65,536 records are 64 full batches of the API at a time. A record costs up to 1 kB beside its bytes, so that they
	// and 64 MiB of bytes fit beside everything else in a task of 512 MiB.
	defaultMaxBufferedRecords = 65_536
	defaultMaxBufferedBytes   = 64 << 20
)
