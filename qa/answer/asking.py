"""Asking in full: what is typed as to a search engine (会议地点, 红楼梦的作者) becomes the question that it stands for.

The noun at its end says what is wanted. The reader and the ranker learned from whole questions, and the question word
tells the kind; so the words that such a text lacks are put behind it. Chinese (one after folding) and Japanese; English
ones (*date of the meeting*) are known by ``qa.answer.kinds`` as they are.
"""

from __future__ import annotations

import regex  # type: ignore[import-untyped]  # no stubs among the development tools

from qa.answer.kinds import has_question_word
from qa.text import fold_text

LEAST = 2
"""Characters before the noun: a noun alone is looked up, not asked about."""

# What is put behind a text, then the nouns at its end. The first line that fits wins; what only looks so stands first.
_TABLE = """
- 较量 质量 力量 能量 大量 少量 评价 代价 价值 效率 参数 函数 多数 少数 消费 免费 浪费 收费 管理费
- 降价 涨价 表率 可数 有数 第一时间 浪费时间
是什么 原因 理由 缘由 起因 动机 名字 名称 全名 全称 简称 别名 主题 口号 吉祥物 成绩 结果 用途 路线 类型 类别
是什么 目的 职业 内容 特点 特征 意义 作用 功能 性质 标准 条件 措施 办法 方法 方式 平台
是多久 时长 用时 耗时 工期 寿命 年限
是什么时候 时间 日期 时刻 年份 月份 日程 生日 期限
是第几 排名 名次 排位
是多少 数 量 额 率 费 价 数目 人次 人口 价格 价位 费用 票房 收入 营收 利润 成本 预算 奖金 工资 薪酬 造价 产值
是多少 市值 总值 面积 体积 长度 高度 宽度 厚度 深度 速度 温度 浓度 湿度 强度 海拔 气温 体温 身高 体重 年龄 年纪
是多少 震级 距离 规模 比例 比重 占比 比分 得分 分数 增速 增幅 涨幅 跌幅 降幅 电话 号码 专款 善款 款项 gdp
是哪里 地点 地址 位置 会场 场地 场馆 举办地 所在地 出生地 发源地 主办地 诞生地 产地 籍贯
是哪里 总部 首都 首府 的起点 的终点 的目的地 的故乡 的家乡 始发站 终点站 举办国 主办国 东道国 举办城市 主办城市
是谁 主演 导演 编剧 编导 作者 作家 作曲 作词 原唱 主角 配角 演员 歌手 嘉宾 选手 教练 旗手 火炬手 冠军 亚军 季军
是谁 得主 获奖者 获得者 创作者 设计者 设计师 创始人 创办人 发起人 发明人 主持人 负责人 发言人 代言人 继承人
是谁 候选人 当选人 经纪人 主席 总统 总理 总裁 总监 书记 主任 首相 会长 校长 院长 部长 局长 处长 司长 市长 省长
是谁 县长 区长 镇长 村长 州长 队长 组长 站长 厂长 社长 行长 馆长 董事长 ceo 父亲 母亲 妻子 丈夫 儿子 女儿
はいつですか 日時 日付 期日 時期
はどこですか 場所 開催地 所在地 会場
はいくつですか 人数 金額 件数 数量 面積 価格 料金
は誰ですか 監督 作者 著者 主演 優勝者 会長 市長 社長
"""
_NONE = "-"
_LINES = tuple((words, tuple(map(fold_text, nouns))) for words, *nouns in map(str.split, _TABLE.strip().splitlines()))
_LAST = regex.compile(r"[^？?。！!\n]*$")
_TAIL = regex.compile(r"(?:是|为|呢|\s|[?？!！.。,，:：;；、…—-])*$")
_HAN = regex.compile(r"\p{Han}")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")


def in_full(question: str) -> str:
    """The question with the question word that it lacks; as it is where it has one, or where it isn't known which.

    Of several questions (a follow-up stands behind the one it depends on) the last is asked in full.
    """
    asked = question[: _TAIL.search(question).start()]
    last = fold_text(_LAST.search(asked).group())
    if not _HAN.search(last) or "了" in last or has_question_word(last):  # (了: it tells rather than asks)
        return question
    words, noun = wanted(last)
    return f"{asked}{words}？" if words and len(fold_text(asked)) - len(noun) >= LEAST else question


def wanted(folded: str) -> tuple[str, str]:
    """What is to be put behind a folded text that asks for something by its last noun, and the noun; else empty."""
    japanese = _KANA.search(folded) is not None
    for words, nouns in _LINES:
        if folded.endswith(nouns) and (words == _NONE or japanese == (_KANA.search(words) is not None)):
            noun = max((noun for noun in nouns if folded.endswith(noun)), key=len)
            return ("", "") if words == _NONE else (words, noun)
    return "", ""
