package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Prefix begins the names of all objects of the version that is written here.
const Prefix = root + "v1/"

// root begins the names of all versions.
const root = "archive/"

// name is an object's. It covers the offsets from first to last of one partition: all records that the partition had
// there are in the object. Offsets without a record belong to the markers that end transactions, to transactions that
// were aborted, or to what compaction took away.
type name struct {
	topic       string
	partition   int32
	hour        time.Time // in UTC: each record has a timestamp of this hour or the one before. Zero: mixed
	first, last int64     // offsets
	tag         string    // tells objects that would have one name apart; as a rule ""
}

// mixed is the date and hour of objects whose records have timestamps that lie far apart, as those of producers whose
// clocks are wrong. Every search reads them.
const mixed = "date=mixed/hour=mixed"

func (n name) String() string {
	when, tag := mixed, ""
	if !n.hour.IsZero() {
		when = n.hour.Format("date=2006-01-02/hour=15")
	}
	if n.tag != "" {
		tag = "-" + n.tag
	}
	return fmt.Sprintf("%s%s/partition=%d/%020d-%020d%s.jsonl.zst",
		topicPrefix(n.topic), when, n.partition, n.first, n.last, tag)
}

func topicPrefix(topic string) string { return Prefix + "topic=" + topic + "/" }

var nameForm = regexp.MustCompile(`^archive/v1/topic=([^/]+)/date=(\d{4}-\d\d-\d\d|mixed)/hour=(\d\d|mixed)/` +
	`partition=(\d{1,10})/(\d{20})-(\d{20})(?:-([0-9a-f]{16}))?\.jsonl\.zst$`)

// parseName reports false for what is not an object of this version.
func parseName(text string) (n name, ok bool) {
	m := nameForm.FindStringSubmatch(text)
	if m == nil {
		return n, false
	}
	var hour time.Time
	var err error
	if m[2] != "mixed" || m[3] != "mixed" {
		hour, err = time.Parse("2006-01-02 15", m[2]+" "+m[3])
	}
	partition, err2 := strconv.ParseInt(m[4], 10, 32)
	first, err3 := strconv.ParseInt(m[5], 10, 64)
	last, err4 := strconv.ParseInt(m[6], 10, 64)
	if err != nil || err2 != nil || err3 != nil || err4 != nil || first > last {
		return n, false
	}
	// Copies, as a part of the text would keep all of it in memory.
	return name{strings.Clone(m[1]), int32(partition), hour, first, last, strings.Clone(m[7])}, true
}

// hourOf is the hour of a timestamp; zero where there is none, or one that no name can say.
func hourOf(t time.Time) time.Time {
	t = t.UTC()
	if t.Unix() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.Truncate(time.Hour)
}
