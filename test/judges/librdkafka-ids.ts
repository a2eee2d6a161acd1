// Which of librdkafka's tests judge this broker. `fast` are those of a few seconds each; `slow` run in test:long only.
// test/conformance/librdkafka.md says of every other broker test why it is left out.
export const librdkafkaIds = {
  fast: [
    '0001 0002 0003 0005 0007 0008 0011 0012 0013 0014 0017 0019 0021 0022 0029 0031 0034 0035 0036 0038 0039 0040',
    '0041 0042 0044 0048 0053 0054 0056 0057 0059 0060 0063 0064 0065 0067 0070 0073 0075 0082 0083 0085 0086 0090',
    '0099 0110 0112 0118 0125 0127 0130 0132 0140',
  ].flatMap((line) => line.split(' ')),
  slow: [
    '0015 0018 0020 0026 0030 0033 0045 0049 0050 0051 0052 0069 0076 0084 0088 0089 0091 0093 0094 0102',
    '0113 0114 0122 0123',
  ].flatMap((line) => line.split(' ')),
};
