package main

import (
	"fmt"
	"slices"
	"strings"
)

// archiveConfig is optional: by default there is no archive.
type archiveConfig struct {
	Enabled    bool              `json:"enabled,omitempty"`
	ObjectLock *objectLockConfig `json:"objectLock,omitempty"` // nil: IAM alone decides who deletes
	Colder     *colderConfig     `json:"colder,omitempty"`     // nil: objects stay in the class in which they were written
	// ReplicateTo is another region, which gets a copy of each object; "" is none.
	ReplicateTo string          `json:"replicateTo,omitempty"`
	ReadFrom    *readFromConfig `json:"readFrom,omitempty"` // nil: the stack's own archive
}

// objectLockConfig keeps objects from being deleted for a while.
type objectLockConfig struct {
	Mode string `json:"mode"` // governance: s3:BypassGovernanceRetention may delete; compliance: nobody may
	Days int    `json:"days"`
}

// colderConfig moves objects to a class of storage that is cheaper to keep and dearer to read.
type colderConfig struct {
	Class     string `json:"class"` // as S3 calls it
	AfterDays int    `json:"afterDays"`
}

// The modes of Object Lock.
const (
	governance = "governance"
	compliance = "compliance"
)

// colderClasses are the storage classes for an archive, each with its minimum age in days; 30 is S3's own rule.
var colderClasses = map[string]int{"STANDARD_IA": 30, "GLACIER_IR": 1, "GLACIER": 1, "DEEP_ARCHIVE": 1}

func (c archiveConfig) validate(f *findings, keepDays int, protect bool) {
	if !c.Enabled {
		f.require(c.ObjectLock == nil && c.Colder == nil, "archive.enabled",
			"is not true, and archive.objectLock and archive.colder need an archive")
		return
	}
	if l := c.ObjectLock; l != nil {
		f.require(l.Mode == governance || l.Mode == compliance, "archive.objectLock.mode",
			"must be governance or compliance, is %q", l.Mode)
		f.require(l.Days >= 1 && l.Days <= keepDays, "archive.objectLock.days",
			"must be 1 to retention.archiveDays (%d), is %d", keepDays, l.Days)
		f.require(l.Mode != compliance || protect, "archive.objectLock.mode", "is compliance, and the stack is not "+
			"protected: for %d days nobody could delete it, AWS's support included", l.Days)
	}
	if colder := c.Colder; colder != nil {
		least, known := colderClasses[colder.Class]
		f.require(known, "archive.colder.class", "must be STANDARD_IA, GLACIER_IR, GLACIER or DEEP_ARCHIVE, is %q",
			colder.Class)
		f.require(!known || (colder.AfterDays >= least && colder.AfterDays < keepDays), "archive.colder.afterDays",
			"must be %d or more for %s, and less than retention.archiveDays (%d), is %d", least, colder.Class, keepDays,
			colder.AfterDays)
	}
}

// archiveGroup is the archiver's consumer group. name is the stack's.
func archiveGroup(name string) string { return name + "-archive" }

// letterTopics are the topics of dead letters.
func (c config) letterTopics() (topics []string) {
	for _, p := range c.processors() {
		topics = append(topics, p.deadLetters(c.Kafka))
	}
	return topics
}

// archivedTopics are the topics that the archiver reads: `eventctl archive run` derives the same from its environment.
func (c config) archivedTopics() []string { return append(c.Kafka.eventTopics(), c.letterTopics()...) }

// mostPartitions is the largest number of partitions of a topic.
func (c config) mostPartitions() (most int) {
	for _, topic := range c.Kafka.eventTopics() {
		most = max(most, c.Kafka.partitionsOf(topic)) // a topic of dead letters has as many as its topic of events
	}
	return most
}

// archiveDeadline is how many seconds the archiver has to read a record before Kafka may delete it.
func (c config) archiveDeadline() int {
	hours := c.Retention.TopicHours
	for _, t := range c.Kafka.Topics {
		if t.RetentionHours > 0 {
			hours = min(hours, t.RetentionHours)
		}
	}
	return hours * 3600
}

// archiverARNs are what the archiver reaches.
type archiverARNs struct {
	Cluster     string
	Topics      []string // by their names
	DeadLetters string   // of the first processor; other processors append a dot and their name
	Group       string
	Bucket      string
}

// archiverPolicy lets the archiver read topics with a consumer group of its own, and write objects. The bucket's policy
// forbids to overwrite an object.
func archiverPolicy(a archiverARNs) document {
	// The program lists a topic for each set of handlers, also for sets without a processor in this stack.
	topics := append(slices.Clone(a.Topics), a.DeadLetters, a.DeadLetters+".*")
	return policy(
		allow("Connect", []string{a.Cluster}, "kafka-cluster:Connect"),
		allow("Consume", topicARNs(a.Cluster, topics), "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
		allow("ConsumerGroup", []string{kafkaARN(a.Cluster, "group", a.Group)}, "kafka-cluster:DescribeGroup",
			"kafka-cluster:AlterGroup"),
		allow("WriteObjects", []string{a.Bucket + "/archive/*"}, "s3:PutObject"),
		// The archiver compares an object that exists with the one that it would write.
		allow("CompareObjects", []string{a.Bucket + "/archive/*"}, "s3:GetObject"),
		allow("TellMissingFromForbidden", []string{a.Bucket}, "s3:ListBucket"),
	)
}

// writeOnce refuses every write without the condition that no object of that name exists.
func writeOnce(bucket string) statement {
	return statement{Sid: "WriteOnce", Effect: "Deny", Principal: map[string]string{"AWS": "*"},
		Action: []string{"s3:PutObject"}, Resource: []string{bucket + "/*"},
		Condition: map[string]map[string]string{"Null": {"s3:if-none-match": "true"}}}
}

// readArchive are the rights to read an archive; none where there is no archive.
func readArchive(bucket string) []statement {
	if bucket == "" {
		return nil
	}
	return []statement{allow("ReadArchive", []string{bucket + "/archive/*"}, "s3:GetObject"),
		allow("ListArchive", []string{bucket}, "s3:ListBucket")}
}

// filterPattern is CloudWatch's pattern for lines of the log whose message begins with one of messages.
func filterPattern(messages ...string) string {
	var either []string
	for _, message := range messages {
		either = append(either, fmt.Sprintf(`($.msg = "%s*")`, message))
	}
	return "{ " + strings.Join(either, " || ") + " }"
}
